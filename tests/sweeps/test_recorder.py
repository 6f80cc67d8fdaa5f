import io

import pytest
from rich.console import Console

from harness.tracking.publish import publish_missing
from harness.tracking.store import Store
from sweeps import driver
from sweeps.launch.events import Event, Failure, RunFinished, RunStarted, RunStepped
from sweeps.launch.progress import NEXT, SweepUsage
from sweeps.launch.recorder import Recorder, UnrecordedRuns
from sweeps.options import SweepOptions
from sweeps.plan.plan import make_plan
from tests.harness.models.full_disk import no_file_above
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
    for what in (
        RunStarted(1, "here"),
        RunStepped(1, {"reward/mean": 0.5}),
        RunFinished(record, {"notes.csv": b"a,b\n"}),
    ):
        pen.on_event(Event(run, what))
    assert not pen.close()
    assert store.finished("plain") == {run.run_id}
    assert store.history("plain", "reward/mean") == {run.run_id: ((1, 0.5),)}
    assert (results / "runs" / run.folder / "record.json").read_text() == record.to_json()
    assert pen.records == [record]


def test_a_run_that_fails_twice_is_recorded_with_its_cause(made, store, results):
    run, pen = made.runs[0], recorder(store, results)
    for final in (False, True):
        pen.on_event(Event(run, RunStarted(1, "here")))
        pen.on_event(Event(run, Failure("ValueError: no", "the whole trace", final)))
    pen.close()
    assert store.statuses("plain") == {run.run_id: "FAILED"}
    [record] = store.records("plain")
    assert (record.status, record.error, record.labels) == ("failed", "ValueError: no", run.labels)
    assert (results / "runs" / run.folder / "traceback.txt").read_text() == "the whole trace"


def test_a_run_that_succeeds_at_last_replaces_its_failure(made, store, results):
    run, [record] = made.runs[0], of_plan(made, 1)
    pen = recorder(store, results)
    for what in (
        RunStarted(1, "here"),
        Failure("ValueError: no", "", final=False),
        RunStarted(1, "here"),
        RunFinished(record, {}),
    ):
        pen.on_event(Event(run, what))
    pen.close()
    assert [found.to_json() for found in store.records("plain")] == [record.to_json()]


def test_runs_go_on_when_the_store_fails_and_are_published_later(made, store, results):
    run, [record] = made.runs[0], of_plan(made, 1)
    database = results / "mlflow.db"
    kept = database.read_bytes()
    pen = recorder(store, results)
    database.write_bytes(b"this is no database " * 1000)
    for what in (RunStarted(1, "here"), RunStepped(1, {"reward/mean": 0.5}), RunFinished(record, {})):
        pen.on_event(Event(run, what))
    assert pen.records == [record]
    assert pen.close(patience=2.0) == UnrecordedRuns(waiting=frozenset({run.run_id}))
    database.write_bytes(kept)
    for leftover in ("-wal", "-shm"):
        database.with_name(database.name + leftover).unlink(missing_ok=True)
    publish_missing(Store.open(results), results / "runs")
    assert Store.open(results).finished("plain") == {run.run_id}


def test_what_a_full_disk_did_not_take_is_written_when_it_has_space_again(made, store, results):
    run, [record] = made.runs[0], of_plan(made, 1)
    pen = recorder(store, results)
    with no_file_above(100):
        for what in (
            RunStarted(1, "here"),
            RunStepped(1, {"reward/mean": 0.5}),
            RunFinished(record, {"notes.csv": b"a,b\n"}),
        ):
            pen.on_event(Event(run, what))
        assert not list((results / "runs").rglob("record.json"))
    assert not pen.close()
    assert [found.to_json() for found in store.records("plain")] == [record.to_json()]
    assert store.history("plain", "reward/mean") == {run.run_id: ((1, 0.5),)}
    assert (results / "runs" / run.folder / "record.json").read_text() == record.to_json()
    assert (results / "runs" / run.folder / "notes.csv").read_text() == "a,b\n"
    assert list((results / "outbox").iterdir()) == []


def test_no_record_is_on_disk_before_the_files_that_belong_to_it(made, store, results):
    run, [record] = made.runs[0], of_plan(made, 1)
    pen = recorder(store, results)
    (results / "runs" / run.folder / "notes.csv").mkdir(parents=True)  # so that the file cannot be written
    for what in (RunStarted(1, "here"), RunFinished(record, {"notes.csv": b"a,b\n"})):
        pen.on_event(Event(run, what))
    pen.close()
    assert not list((results / "runs").rglob("record.json"))


@pytest.mark.parametrize("place", ["outbox", "runs"])
def test_a_record_that_no_disk_takes_is_in_mlflow_all_the_same(made, store, results, place):
    run, [record] = made.runs[0], of_plan(made, 1)
    pen = recorder(store, results)
    (results / place).write_text("in the way")  # as a disk that stays full
    for what in (RunStarted(1, "here"), RunStepped(1, {"reward/mean": 0.5}), RunFinished(record, {})):
        pen.on_event(Event(run, what))
    bare = frozenset({run.run_id} if place == "runs" else ())
    assert pen.close() == UnrecordedRuns(bare=bare)
    assert [found.to_json() for found in store.records("plain")] == [record.to_json()]
    assert store.history("plain", "reward/mean") == {run.run_id: ((1, 0.5),)}


@pytest.mark.parametrize("place", ["outbox", "runs"])
def test_a_failure_that_no_disk_takes_is_in_mlflow_all_the_same(made, store, results, place):
    run, pen = made.runs[0], recorder(store, results)
    (results / place).write_text("in the way")
    for final in (False, True):
        pen.on_event(Event(run, RunStarted(1, "here")))
        pen.on_event(Event(run, Failure("ValueError: no", "the whole trace", final)))
    assert not pen.close()
    assert store.statuses("plain") == {run.run_id: "FAILED"}


@pytest.mark.parametrize("fails", [False, True])
def test_a_sweep_whose_records_are_nowhere_fails_and_says_how_to_make_them_again(made, store, results, fails, tmp_path):
    run, [record] = made.runs[0], of_plan(made, 1)
    said = Console(file=io.StringIO(), width=10_000)
    pen = Recorder(store, results, said)
    (results / "mlflow.db").write_bytes(b"this is no database " * 1000)
    for place in ("outbox", "runs"):
        (results / place).write_text("in the way")
    pen.on_event(Event(run, RunStarted(1, "here")))
    pen.on_event(Event(run, Failure("ValueError: no", "", final=True) if fails else RunFinished(record, {})))
    missing = pen.close(patience=0.1)
    assert missing == UnrecordedRuns(unwritten=frozenset({run.run_id}))
    arguments = SweepOptions(results=results)
    assert driver._conclude(grid(tmp_path), made, arguments, pen, missing, SweepUsage(), said) == driver.FAILED
    told = said.file.getvalue()
    assert f"1 runs are neither in MLflow nor on disk: {run.run_id}; free some space in {results}" in told
    assert told.rstrip().endswith(f"with the same command: {arguments.command()}")
    assert NEXT not in told


def test_what_is_missing_is_said_with_the_way_out(tmp_path):
    missing = UnrecordedRuns(waiting=frozenset({"a-s0", "b-s0"}), bare=frozenset({"c-s1", "c-s0"}))
    waiting, bare = missing.lines(tmp_path, "make sweep GRID=plain PROFILE=laptop")
    assert waiting == (
        f"2 runs are not in MLflow yet; they are kept in {tmp_path}; the next sweep or `python -m "
        f"harness.tracking.store publish {tmp_path}/runs` sends them"
    )
    assert f"2 runs have a record, but their files could not be written to {tmp_path}/runs" in bare
    assert "c-s0, c-s1; free some space, delete these runs in MLflow" in bare
    assert bare.endswith("make sweep GRID=plain PROFILE=laptop")
