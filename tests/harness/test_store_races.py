"""Drivers that are at work on one store at once, in whatever order their steps fall."""

import os
from dataclasses import replace
from itertools import permutations
from shutil import copyfile
from threading import Event, Thread

import psutil
import pytest

from harness.tracking import client as store_client
from harness.tracking.journal import _name
from harness.tracking.store import Store
from tests.harness.store_samples import RECORD, run

FAILED = replace(RECORD, status="failed", error="ValueError: no", scores={})


class Halting:
    """A reader that stops after each of its reads until it is told to go on."""

    def __init__(self, reader):
        self._reader = reader
        self.go, self.halted = Event(), Event()

    def runs(self, study, run_id=""):
        rows = self._reader.runs(study, run_id)
        self.halted.set()
        self.go.wait()
        self.go.clear()
        return rows


class Finish:
    """A driver's ``finish``, made in pieces: it looks; it ends and looks again; it removes."""

    def __init__(self, results, record, ended):
        store = Store.open(results)
        handle = store.begin(record.head)
        self._reader = store._reader = Halting(store._reader)
        self._thread = Thread(target=store.finish, args=(handle, record, None, ended))
        self._thread.start()
        self._reader.halted.wait()

    def on(self):
        """Do the next piece, if it is not over."""
        self._reader.halted.clear()
        self._reader.go.set()
        while self._thread.is_alive() and not self._reader.halted.wait(0.01):
            pass


# Each driver has looked already; then it ends (and looks), and then removes what it saw.
ORDERS = sorted(set(permutations("aabb")))


@pytest.mark.parametrize("later", [(1.0, 2.0), (2.0, 1.0), (1.0, 1.0)])
@pytest.mark.parametrize("order", ORDERS, ids="".join)
@pytest.mark.parametrize("record", [RECORD, FAILED], ids=lambda record: record.status)
def test_one_remains_in_every_order(store, results, record, order, later):
    drivers = {name: Finish(results, record, ended) for name, ended in zip("ab", later, strict=True)}
    for name in order:
        drivers[name].on()
    assert [row.status for row in store._reader.runs("norms")] == [record.status.upper()]
    assert store.records("norms") == [record]


def test_one_that_has_not_ended_is_left_to_its_driver(store):
    other = store.begin(RECORD.head)
    store.finish(store.begin(RECORD.head), FAILED)
    assert sorted(row.status for row in store._reader.runs("norms")) == ["FAILED", "RUNNING"]
    store.finish(other, RECORD)
    assert [row.status for row in store._reader.runs("norms")] == ["FINISHED"]


def test_one_that_was_cut_off_after_its_end_is_settled_when_it_is_tried_again(store):
    first, second = (store.begin(RECORD.head) for _ in range(2))
    for handle in (first, second):  # both ended, and neither has looked since
        store._tracker.attach(handle.uuid, {}, {})
        store._tracker.end(handle.uuid, "FINISHED", 1.0)
    for handle in (first, second):
        store.finish(handle, RECORD, ended=1.0)
    assert store.records("norms") == [RECORD]
    assert len(store._reader.runs("norms")) == 1


class Meanwhile:
    """A reader during whose first look at runs, or at tags, something happens."""

    def __init__(self, reader, look, happens):
        self._reader = reader
        self._look, self._happens = look, happens

    def runs(self, *words):
        return self._seen("runs", words)

    def run_tags(self, *words):
        return self._seen("run_tags", words)

    def _seen(self, look, words):
        found = getattr(self._reader, look)(*words)
        if look == self._look:
            self._look = None
            self._happens()
        return found


@pytest.fixture
def alive(monkeypatch):
    """A driver in another process that lives."""
    name = _name(psutil.Process(os.getppid()))
    monkeypatch.setattr("harness.tracking.store.name_process", lambda: name)


@pytest.mark.parametrize("look", ["runs", "run_tags"])
def test_a_run_that_begins_while_others_are_swept_up_is_left_to_its_driver(store, results, alive, look):
    other = Store.open(results)
    store._reader = Meanwhile(store._reader, look, lambda: other.begin(RECORD.head))
    assert store.kill_orphaned_runs("norms") == ()
    assert other.statuses("norms") == {"c1-s0": "RUNNING"}


@pytest.mark.parametrize("look", ["runs", "run_tags"])
def test_a_run_that_ends_while_others_are_swept_up_is_kept(store, results, look):
    other = Store.open(results)
    handle = other.begin(RECORD.head)
    other.begin(replace(RECORD, run_id="c1-s1", seed=1).head)
    store._reader = Meanwhile(store._reader, look, lambda: other.finish(handle, RECORD))
    assert store.kill_orphaned_runs("norms") == ("c1-s1",)
    assert other.statuses("norms") == {"c1-s0": "FINISHED"}


@pytest.mark.parametrize("before", [None, b""], ids=["none", "empty"])
def test_a_database_that_another_driver_has_made_meanwhile_is_kept(results, blank_database, monkeypatch, before):
    connect = store_client._connect

    def slow(uri):
        if uri.endswith(".new"):  # MLflow takes seconds for its tables; in these the other one is at work
            copyfile(blank_database, uri.removeprefix("sqlite:///"))
            copyfile(blank_database, results / "mlflow.db")
            run(Store.open(results))
        return connect(uri)

    monkeypatch.setattr(store_client, "_connect", slow)
    results.mkdir()
    if before is not None:
        (results / "mlflow.db").write_bytes(before)
    run(Store.open(results), replace(RECORD, run_id="c1-s1", seed=1))
    assert Store.open(results).statuses("norms") == {"c1-s0": "FINISHED", "c1-s1": "FINISHED"}
    assert [file.name for file in results.glob("*.new*")] == []
