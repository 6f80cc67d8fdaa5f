import io

import pytest
from rich.console import Console

from harness.store import Store
from harness.store_publish import publish
from sweeps.events import Done, Event, Failure, Hello, Report
from sweeps.plan import make_plan
from sweeps.recorder import Recorder
from tests.sweeps.grids import grid
from tests.sweeps.records import of_plan


@pytest.fixture
def made(tmp_path):
    return make_plan(grid(tmp_path), False, (), (), {"commit": "abc"})


def recorder(store, results):
    return Recorder(store, results, Console(file=io.StringIO()))


def test_a_finished_run_is_in_the_store_with_its_curve_and_on_disk(made, store, results):
    run, [record] = made.runs[0], of_plan(made, 1)
    pen = recorder(store, results)
    for what in (Hello(1, "here"), Report(1, {"reward/mean": 0.5}), Done(record, {"notes.csv": b"a,b\n"})):
        pen.hear(Event(run, what))
    assert pen.close() == 0
    assert store.finished("plain") == {run.run_id}
    assert store.history("plain", "reward/mean") == {run.run_id: ((1, 0.5),)}
    assert (results / "runs" / run.folder / "record.json").read_text() == record.to_json()
    assert pen.records == [record]


def test_a_run_that_fails_twice_is_recorded_with_its_cause(made, store, results):
    run, pen = made.runs[0], recorder(store, results)
    for final in (False, True):
        pen.hear(Event(run, Hello(1, "here")))
        pen.hear(Event(run, Failure("ValueError: no", "the whole trace", final)))
    pen.close()
    assert store.statuses("plain") == {run.run_id: "FAILED"}
    [record] = store.records("plain")
    assert (record.status, record.error, record.labels) == ("failed", "ValueError: no", run.labels)
    assert (results / "runs" / run.folder / "traceback.txt").read_text() == "the whole trace"


def test_a_run_that_succeeds_at_last_replaces_its_failure(made, store, results):
    run, [record] = made.runs[0], of_plan(made, 1)
    pen = recorder(store, results)
    for what in (Hello(1, "here"), Failure("ValueError: no", "", final=False), Hello(1, "here"), Done(record, {})):
        pen.hear(Event(run, what))
    pen.close()
    assert [found.to_json() for found in store.records("plain")] == [record.to_json()]


def test_runs_go_on_when_the_store_fails_and_are_published_later(made, store, results):
    run, [record] = made.runs[0], of_plan(made, 1)
    database = results / "mlflow.db"
    kept = database.read_bytes()
    pen = recorder(store, results)
    database.write_bytes(b"this is no database " * 1000)
    for what in (Hello(1, "here"), Report(1, {"reward/mean": 0.5}), Done(record, {})):
        pen.hear(Event(run, what))
    assert pen.records == [record]
    assert pen.close(patience=2.0) == 1
    database.write_bytes(kept)
    for leftover in ("-wal", "-shm"):
        database.with_name(database.name + leftover).unlink(missing_ok=True)
    publish(Store.open(results), results / "runs")
    assert Store.open(results).finished("plain") == {run.run_id}
