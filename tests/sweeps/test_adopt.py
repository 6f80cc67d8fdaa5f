import os
from dataclasses import replace

import pytest

from harness.records.record import RunRecord
from sweeps.driver import ADOPTED, reuse_finished_runs
from sweeps.plan.plan import make_plan
from tests.sweeps.grids import PLAIN, write
from tests.sweeps.records import of_plan

CODE = {"commit": "abc", "dirty": "no", "torch": "2.13.0"}


def plan(folder, name, provenance=CODE):
    from sweeps.grid.grid import read_grid

    return make_plan(read_grid(write(folder, PLAIN, name)), False, (), (), provenance)


def leave(folder, record, study="older"):
    """A run as a study leaves it behind."""
    place = folder / f"{study}.{record.run_id}"
    place.mkdir(parents=True)
    (place / "record.json").write_text(replace(record, study=study).to_json(), encoding="utf-8")
    (place / "metrics.jsonl").write_text('{"step": 1, "reward/mean": 0.5}\n', encoding="utf-8")
    return place


def finished(made):
    return replace(of_plan(made, 1)[0], provenance=dict(CODE))


def test_a_run_of_another_study_is_copied_under_its_own_name_and_says_whose_it_was(tmp_path):
    made = plan(tmp_path, "newer")
    leave(tmp_path / "runs", finished(made))
    assert reuse_finished_runs(made.runs, tmp_path / "runs") == (made.runs[0].run_id,)
    folder = tmp_path / "runs" / made.runs[0].folder
    record = RunRecord.from_json((folder / "record.json").read_text())
    assert (record.study, record.labels) == ("newer", made.runs[0].labels)
    assert record.provenance == {**CODE, ADOPTED: "older"}
    assert (folder / "metrics.jsonl").read_text().startswith('{"step": 1')


def test_a_run_adopted_twice_still_names_the_study_that_made_it(tmp_path):
    first, second = plan(tmp_path, "newer"), plan(tmp_path, "newest")
    made = leave(tmp_path / "runs", finished(first))
    reuse_finished_runs(first.runs, tmp_path / "runs")
    for file in made.iterdir():
        file.unlink()
    assert len(reuse_finished_runs(second.runs, tmp_path / "runs")) == 1
    record = RunRecord.from_json((tmp_path / "runs" / second.runs[0].folder / "record.json").read_text())
    assert record.provenance[ADOPTED] == "older"


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ({**CODE, "commit": "def"}, {}),  # other code
        ({**CODE, "torch": "2.14.0"}, {}),  # another package
        ({**CODE, "dirty": "yes"}, {"provenance": {**CODE, "dirty": "yes"}}),  # code that no commit names
        (CODE, {"status": "failed"}),
    ],
)
def test_a_run_of_other_code_or_without_an_end_is_run_again(tmp_path, now, then):
    made = plan(tmp_path, "newer", now)
    leave(tmp_path / "runs", replace(finished(made), **then))
    assert reuse_finished_runs(made.runs, tmp_path / "runs") == ()


def test_a_record_that_cannot_be_read_is_left_alone(tmp_path):
    made = plan(tmp_path, "newer")
    place = leave(tmp_path / "runs", finished(made))
    (place / "record.json").write_text("{", encoding="utf-8")
    assert reuse_finished_runs(made.runs, tmp_path / "runs") == ()


def test_what_a_killed_driver_of_the_same_process_id_left_is_in_nobodys_way(tmp_path):
    made = plan(tmp_path, "newer")
    leave(tmp_path / "runs", finished(made))
    draft = tmp_path / "runs" / f".{made.runs[0].folder}.{os.getpid()}"
    draft.mkdir()
    (draft / "metrics.jsonl").touch()
    assert reuse_finished_runs(made.runs, tmp_path / "runs") == (made.runs[0].run_id,)
    assert not draft.exists()
