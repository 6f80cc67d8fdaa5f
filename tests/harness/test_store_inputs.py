"""The data sets of runs, and how MLflow lists them."""

from dataclasses import replace

import pytest

from harness.config.experiment import load_config
from harness.tracking.display import list_data_sets
from harness.training.run import RunSpec
from tests.harness.store_samples import RECORD, run

SETTINGS = {
    "data": {"source": "paper", "difficulties": ["easy", "hard"], "path": None, "part": "all"},
    "eval": {"benchmarks": ["math500", "aime25"], "problems": None, "aime25": 15},
}
READ = replace(RECORD, config=SETTINGS, provenance={"data paper/easy": "e" * 64, "data paper/hard": "a" * 64})


def listed(record):
    return [(each.name, each.context) for each in list_data_sets(record)]


def test_a_run_lists_what_it_trains_on_and_what_it_is_scored_on():
    assert listed(READ) == [
        ("paper/easy", "train"),
        ("paper/hard", "train"),
        ("held out math500", "eval"),
        ("held out aime25", "eval"),
    ]


def test_a_run_of_the_shipped_settings_lists_its_generated_problems():
    config = load_config("data=arithmetic_mixed")
    assert listed(RunSpec("single", "laptop", {}, config, {}).head()) == [
        ("arithmetic/medium", "train"),
        ("arithmetic/hard", "train"),
        ("held out arithmetic", "eval"),
    ]


def test_a_file_of_ones_own_is_named_as_the_provenance_names_it():
    data = {"source": "file", "difficulties": [], "path": "/home/me/mine.jsonl", "part": "all"}
    about = {"data mine.jsonl": "1" * 64, "data held out exam": "2" * 64, "commit": "0123abc"}
    record = replace(READ, config={"data": data, "eval": {"benchmarks": ["exam"]}}, provenance=about)
    assert listed(record) == [("mine.jsonl", "train"), ("held out exam", "eval")]
    assert ["1" * 64 in each.source or "2" * 64 in each.source for each in list_data_sets(record)] == [True, True]


@pytest.mark.parametrize(
    "other",
    [
        replace(READ, provenance={"data paper/easy": "f" * 64, "data paper/hard": "a" * 64}),
        replace(READ, config={**SETTINGS, "data": {**SETTINGS["data"], "part": "tuning"}}),
        replace(READ, config={**SETTINGS, "eval": {**SETTINGS["eval"], "problems": 20}}),
        replace(READ, config={**SETTINGS, "eval": {**SETTINGS["eval"], "aime25": 30}}),
    ],
    ids=["rows", "part", "size", "half"],
)
def test_other_problems_have_another_digest(other):
    assert {each.digest for each in list_data_sets(other)} != {each.digest for each in list_data_sets(READ)}
    assert all(len(each.digest) <= 36 for each in list_data_sets(other))


def test_settings_that_say_nothing_of_data_list_nothing():
    assert list_data_sets(RECORD) == ()


def test_mlflow_lists_the_data_sets_as_inputs_of_a_run_once(store):
    handle = run(store, READ)
    store.finish(handle, READ)  # again, where an answer was lost
    inputs = store._tracker.client.get_run(handle.uuid).inputs.dataset_inputs
    found = {(each.dataset.name, each.dataset.digest, each.tags[0].key, each.tags[0].value) for each in inputs}
    assert found == {(each.name, each.digest, "mlflow.data.context", each.context) for each in list_data_sets(READ)}
    assert len(inputs) == len(found)
