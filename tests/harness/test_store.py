import json
import os
import platform
import subprocess
import sys
from dataclasses import replace

import pytest

from harness.tracking.journal import is_other_process
from harness.tracking.queries import ServerReader
from harness.tracking.store import Store, main
from harness.tracking.tags import RECORD as RECORD_TAG, STUDY as STUDY_TAG, pack_tags, unpack_tags
from tests.harness.store_samples import RECORD, STUDY, run


def client_runs(store):
    """The runs as MLflow's own client lists them."""
    client = store._tracker.client
    experiment = client.get_experiment_by_name("norms")
    return client.search_runs([experiment.experiment_id])


def test_what_comes_out_of_the_store_is_what_went_in(store):
    run(store)
    assert store.records("norms") == [RECORD]


def test_an_empty_store_has_nothing_and_reading_creates_nothing(results):
    store = Store.open(results)
    assert store.studies() == ()
    assert store.finished("norms") == frozenset()
    assert store.records("norms") == []
    assert not results.exists()


def test_a_run_shows_as_running_and_its_curves_appear_before_its_end(store):
    handle = store.begin(RECORD.head)
    store.log(handle, 1, {"reward/mean": 0.25, "eval/pass@8": 0.5})
    store.log(handle, 2, {"reward/mean": 0.5})
    assert store.statuses("norms") == {"c1-s0": "RUNNING"}
    assert store.history("norms", "reward/mean") == {"c1-s0": ((1, 0.25), (2, 0.5))}
    assert store.history("norms", "eval/pass@8") == {"c1-s0": ((1, 0.5),)}


def test_a_point_of_a_curve_has_its_time_in_milliseconds(store):
    handle = store.begin(RECORD.head)
    store.log(handle, 1, {"reward/mean": 0.25}, at=1_700_000_000.5)
    (point,) = store._tracker.client.get_metric_history(handle.uuid, "reward/mean")
    assert point.timestamp == 1_700_000_000_500


def test_a_link_leads_to_the_finished_run_where_a_run_id_has_several(store):
    store.begin(RECORD.head)
    run(store)
    (finished,) = (found for found in client_runs(store) if found.info.status == "FINISHED")
    experiment, uuid = finished.info.experiment_id, finished.info.run_id
    assert store.links("norms") == {"c1-s0": f"http://127.0.0.1:5000/#/experiments/{experiment}/runs/{uuid}"}
    assert store.links("other") == {}


def test_the_mean_of_what_fired_is_no_point_on_its_curve(store):
    record = replace(RECORD, scores={**RECORD.scores, "fired/clip_higher": 0.5})
    handle = store.begin(record.head)
    store.log(handle, 1, {"fired/clip_higher": 1.0})
    store.log(handle, 2, {"fired/clip_higher": 0.0})
    store.finish(handle, record)
    assert store.history("norms", "fired/clip_higher") == {"c1-s0": ((1, 1.0), (2, 0.0))}
    assert store.records("norms") == [record]


def test_a_running_run_is_neither_finished_nor_a_record(store):
    store.begin(RECORD.head)
    assert store.finished("norms") == frozenset()
    assert store.records("norms") == []


def test_mlflow_shows_the_axes_the_algorithm_the_scores_and_the_files(store):
    run(store)
    (shown,) = client_runs(store)
    assert shown.info.run_name == "group small s0"
    assert shown.info.status == "FINISHED"
    assert shown.data.tags["axis.norm"] == "group"
    assert shown.data.tags["commit"] == "0123abc"
    assert shown.data.params["train.lr"] == "0.0005"
    assert shown.data.params["rule.advantages"] == "Normalize(mean='group', std='group')"
    assert shown.data.params["rule.signal_mask"] == "none"
    assert shown.data.metrics["final/pass at 8"] == 0.75
    files = {file.path for file in store._tracker.client.list_artifacts(shown.info.run_id)}
    assert files == {"record.json", "config.yaml"}


def test_an_artifact_may_be_text_or_a_file(store, results, tmp_path):
    outcomes = tmp_path / "outcomes.csv"
    outcomes.write_text("problem,correct\n1,0\n")
    store.finish(store.begin(RECORD.head), RECORD, {"outcomes.csv": outcomes, "note.txt": "short"})
    assert [file.read_text() for file in results.rglob("outcomes.csv")] == ["problem,correct\n1,0\n"]
    assert [file.read_text() for file in results.rglob("note.txt")] == ["short"]


def test_a_finished_run_is_published_once(store):
    run(store)
    run(store)
    assert [shown.info.run_name for shown in client_runs(store)] == ["group small s0"]


def test_a_failed_run_is_recorded_but_not_finished(store):
    failed = replace(RECORD, status="failed", error="OutOfMemoryError: 9 GB", scores={})
    run(store, failed)
    assert store.finished("norms") == frozenset()
    assert store.records("norms") == [failed]
    assert client_runs(store)[0].data.tags["error"] == "OutOfMemoryError: 9 GB"


def test_success_replaces_an_earlier_failure(store):
    run(store, replace(RECORD, status="failed", error="worker died"))
    run(store)
    assert store.records("norms") == [RECORD]
    assert store.finished("norms") == {"c1-s0"}


def test_a_later_failure_does_not_hide_a_success(store):
    run(store)
    run(store, replace(RECORD, status="failed", error="worker died"))
    assert store.records("norms") == [RECORD]


def test_what_a_driver_leaves_running_is_swept_up_and_can_be_restored(store):
    run(store)
    store.begin(replace(RECORD, run_id="c1-s1", seed=1).head)
    assert store.kill_orphaned_runs("norms") == ("c1-s1",)
    assert store.statuses("norms") == {"c1-s0": "FINISHED"}
    trashed = store._tracker.client.search_runs(["1"], run_view_type=2)  # ViewType.DELETED_ONLY
    assert [(gone.info.run_name, gone.info.status) for gone in trashed] == [("group small s1", "KILLED")]


def test_runs_of_another_driver_stay_until_it_is_dead(store, results):
    code = (
        "import pathlib, sys; from harness.records.record import RunRecord; from harness.tracking.store import Store\n"
        "Store.open(pathlib.Path(sys.argv[1])).begin(RunRecord.from_json(sys.argv[2]).head)\n"
        "print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(results), RECORD.to_json()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as driving:
        driving.stdout.readline()
        assert store.kill_orphaned_runs("norms") == ()
        assert store.statuses("norms") == {"c1-s0": "RUNNING"}
        driving.kill()
    assert store.kill_orphaned_runs("norms") == ("c1-s0",)


@pytest.mark.parametrize("name", ["", "elsewhere 1 0", f"{platform.node()} {os.getppid()} 0", f"{platform.node()} x y"])
def test_a_process_of_which_nothing_is_known_does_not_count_as_alive(name):
    assert not is_other_process(name)


def test_a_study_is_kept_per_profile_and_replaced_when_it_changes(store):
    gpu = replace(STUDY, profile="gpu", seeds=(0, 1, 2))
    long = replace(STUDY, question="Why? " * 3_000)  # several tags
    for study in (gpu, long, STUDY):
        store.save_study(study)
    assert store.studies() == (gpu, STUDY)


def test_publish_rebuilds_a_lost_database(store, results, tmp_path):
    store.save_study(STUDY)
    folder = results / "runs" / "c1-s0"
    folder.mkdir()
    (folder / "record.json").write_text(RECORD.to_json())
    (folder / "metrics.jsonl").write_text(json.dumps({"step": 1, "reward/mean": 0.25}) + "\n")
    (tmp_path / "rescued").mkdir()
    (results / "runs").rename(tmp_path / "rescued" / "runs")  # all but the database
    assert main(["publish", str(tmp_path / "rescued" / "runs")]) == 0
    rebuilt = Store.open(tmp_path / "rescued")
    assert rebuilt.records("norms") == [RECORD]
    assert rebuilt.studies() == (STUDY,)
    assert rebuilt.history("norms", "reward/mean") == {"c1-s0": ((1, 0.25),)}


def test_publishing_again_adds_nothing(store, results, capsys):
    folder = results / "runs" / "c1-s0"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(RECORD.to_json())
    main(["publish", str(results / "runs")])
    main(["publish", str(results / "runs")])
    assert capsys.readouterr().out.splitlines()[-1] == "published 0 runs; 1 were there already"


def test_publish_names_a_record_that_cannot_be_read_and_goes_on(store, results, capsys):
    for name, text in (("a", "{half"), ("b", RECORD.to_json())):
        (results / "runs" / name).mkdir(parents=True)
        (results / "runs" / name / "record.json").write_text(text)
    assert main(["publish", str(results / "runs")]) == 1
    assert f"{results}/runs/a/record.json: " in capsys.readouterr().err
    assert store.finished("norms") == {"c1-s0"}


def test_a_wrong_call_says_the_right_one(capsys):
    assert main(["publsh"]) == 2
    assert "python -m harness.tracking.store publish results/runs" in capsys.readouterr().err


def test_reading_the_tables_and_asking_mlflow_give_the_same_answers(store):
    store.save_study(STUDY)
    handle = store.begin(RECORD.head)
    for step in (1, 2, 10):
        store.log(handle, step, {"reward/mean": step / 8, "reward/std": float("nan")})
    store.finish(handle, RECORD)
    run(store, replace(RECORD, run_id="c1-s1", status="failed", error="no"))
    store.begin(replace(RECORD, run_id="c1-s2").head)
    run(store, replace(RECORD, study="other"))
    client = ServerReader(store._tracker)
    tables = store._reader
    assert sorted(client.runs("norms"), key=str) == sorted(tables.runs("norms"), key=str)
    assert len(tables.runs("norms")) == 3
    assert client.study_tags(STUDY_TAG) == tables.study_tags(STUDY_TAG)
    assert client.run_tags("norms", RECORD_TAG) == tables.run_tags("norms", RECORD_TAG)
    for metric in ("reward/mean", "reward/std"):
        assert client.curves("norms", metric) == tables.curves("norms", metric)
    assert client.runs("never planned") == tables.runs("never planned") == []


def test_a_text_of_many_tags_is_put_together_in_order():
    text = "".join(chr(97 + place) for place in range(12))
    chunks = pack_tags("name", text, 1)
    assert max(map(len, chunks.values())) == 1
    assert unpack_tags("name", {"name.other": "x", **dict(reversed(chunks.items()))}) == text


def test_a_finished_run_counts_as_finished_while_it_is_tried_again(store):
    store.begin(RECORD.head)
    run(store)
    store.begin(RECORD.head)
    assert store.finished("norms") == {"c1-s0"}
