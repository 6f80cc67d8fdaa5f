"""Names on disk are those of the fixture, whatever the code looks like: finished runs stay finished."""

from __future__ import annotations

import pytest

from harness.rollouts.metrics import find_metric_family
from tests.golden.cells import all_ids, grid_cells, single_cells
from tests.golden.compare import ADVICE, differences, load, message
from tests.golden.files import known_files
from tests.golden.names import known_names


@pytest.fixture(scope="module")
def files(tmp_path_factory, blank_database):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "RESULTS_DIR"):
            patch.delenv(name, raising=False)
        yield known_files(tmp_path_factory.mktemp("golden"), blank_database)


def test_cells_of_every_grid_and_profile_keep_their_ids():
    found = grid_cells()
    assert not (said := message("cells", found)), said
    assert sum(1 for _ in all_ids(found)) > 1_200  # no grid is passed over


def test_single_runs_keep_their_ids():
    assert not (said := message("single_runs", single_cells())), said


def test_names_of_tricks_settings_metrics_and_words_stay():
    assert not (said := message("names", known_names())), said


def test_files_keep_their_names_and_keys(files):
    assert not (said := message("files", files)), said


def test_a_run_logs_metrics_of_the_fixture_alone(files):
    logged = files["run"]["metrics of all steps"]
    assert "update/loss" in logged
    assert {find_metric_family(name) for name in logged} <= {*load("names")["metrics"]}


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"a": {"b": 1}}, {"a": {"c": 1}}, ["a > b: gone (was 1)", "a > c: new (1)"]),
        ({"a": "x"}, {"a": "y"}, ['a: was "x", now "y"']),
        ({"a": ["x", "y"]}, {"a": ["x", "z"]}, ['a: gone: "y"', 'a: new: "z"']),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, ['a: another order or number: ["x", "y"], now ["y", "x"]']),
        ({"a": 1}, {"a": True}, ["a: was 1, now true"]),
        ({"a": {"b": [1]}}, {"a": {"b": [1]}}, []),
    ],
)
def test_a_difference_is_told_with_its_place(before, now, said):
    assert list(differences(before, now)) == said


def test_the_message_asks_for_a_migration():
    assert message("single_runs", {**load("single_runs"), "run": "another"}).splitlines()[1:] == [
        'run: was "7ae0cdfd99-s7", now "another"',
        ADVICE,
    ]
    assert "a migration is needed" in ADVICE
