import json
import os
import platform
import re
import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from multiprocessing import Pipe
from shutil import copyfile
from threading import Timer

import pytest

from harness.tracking.store import Store
from harness.tracking.tags import DRIVER
from sweeps.launch.environment import SweepError
from sweeps.launch.lease import EXPIRY_SECONDS, StudyLease, acquire_lease
from tests.harness.store_samples import RECORD
from tests.sweeps.drivers import PATIENCE, Driver, here, until
from tests.sweeps.grids import PLAIN, TINY, write


def hold(folder, heard, slowly):
    """Hold the study once told to, and say so; ``slowly``: pause between drawing a number and writing it."""
    store = Store.open(folder)
    store.claims("norms")
    tell = store.claim

    def hesitate(study, token, said):
        if said and '"number": 0' not in said:
            heard.send("drawn")
            heard.recv()
        tell(study, token, said)

    if slowly:
        object.__setattr__(store, "claim", hesitate)
    heard.send("ready")
    heard.recv()
    try:
        with acquire_lease(store, "norms", print):
            heard.send("held")
            heard.recv()
    except SweepError as error:
        heard.send(str(error))


class Holder(Driver):
    """A process that holds the study when told to."""

    def __init__(self, folder, slowly=False):
        self.heard, theirs = Pipe()
        super().__init__(hold, folder, theirs, slowly)

    def say(self):
        self.heard.send("go on")

    def hears(self):
        assert self.heard.poll(PATIENCE), "nothing is heard of a driver"
        return self.heard.recv()


@pytest.fixture
def shared(tmp_path, monkeypatch, blank_database):
    """A store that several hosts use."""
    copyfile(blank_database, tmp_path / "shared.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'shared.db'}")
    return Store.open(tmp_path / "results")


@contextmanager
def holders(*each):
    """Drivers that are killed in the end."""
    drivers = [Holder(*words) for words in each]
    try:
        yield drivers
    finally:
        for driver in drivers:
            driver.kill()
            driver.wait()


def numbers(store):
    return sorted(json.loads(said)["number"] for said in store.claims("norms").values())


def of_another_host(store, age, study="norms"):
    claimed = StudyLease("elsewhere 12 1700000000", time.time() - age, 1)
    store.claim(study, "abc", json.dumps(asdict(claimed)))


def test_a_driver_on_another_host_is_named_with_the_ways_out(shared):
    of_another_host(shared, 5.0)
    with pytest.raises(SweepError) as caught, acquire_lease(shared, "norms", print):
        pass
    said = re.sub(r"heartbeat \d+ s ago", "heartbeat 5 s ago", str(caught.value))  # more on a busy machine
    assert said == (
        "norms: a sweep of it is already running, started by process 12 on elsewhere, last heartbeat 5 s ago; wait "
        "for it or stop it (a dead driver's lease ends after 180 s without a heartbeat), or run one sweep on both "
        "machines with RAY_ADDRESS"
    )
    assert list(shared.claims("norms")) == ["abc"]


def test_a_sweep_does_not_start_beside_one_on_another_host(shared, tmp_path):
    of_another_host(shared, 5.0, study="plain")
    words = [f"grid={write(tmp_path, PLAIN + TINY)}", f"results={tmp_path / 'results'}"]
    code, said = here("run", *words, MLFLOW_TRACKING_URI=f"sqlite:///{shared.place}", LAUNCH="inline")
    assert code == 2
    assert "plain: a sweep of it is already running, started by process 12 on elsewhere" in said
    assert shared.statuses("plain") == {}


def test_a_driver_on_another_host_that_stays_silent_is_forgotten(shared, monkeypatch):
    monkeypatch.setattr("sweeps.launch.lease.GRACE_SECONDS", 0.1)
    of_another_host(shared, EXPIRY_SECONDS + 5.0)
    with acquire_lease(shared, "norms", print):
        assert len(shared.claims("norms")) == 1
        assert "abc" not in shared.claims("norms")
    assert shared.claims("norms") == {}


def test_a_dead_driver_that_another_one_forgets_at_the_same_time_is_forgotten(shared, tmp_path):
    dead = StudyLease(f"{platform.node()} {os.getpid()} 0", time.time(), 1)
    shared.claim("norms", "abc", json.dumps(asdict(dead)))
    client, faster = shared._tracker.client, Store.open(tmp_path / "other")
    forget = client.delete_experiment_tag

    def slow(*words):
        if faster.claims("norms").keys() == {"abc"}:
            faster.claim("norms", "abc", None)
        forget(*words)

    client.delete_experiment_tag = slow
    with acquire_lease(shared, "norms", print):
        assert len(shared.claims("norms")) == 1
        assert "abc" not in shared.claims("norms")


def test_a_driver_that_was_only_cut_off_from_the_store_keeps_its_study(shared, monkeypatch):
    monkeypatch.setattr("sweeps.launch.lease.GRACE_SECONDS", 0.1)
    of_another_host(shared, EXPIRY_SECONDS + 5.0)
    told = []

    def hear(line):
        told.append(line)
        of_another_host(shared, 0.0)

    with pytest.raises(SweepError, match="a sweep of it is already running"), acquire_lease(shared, "norms", hear):
        pass
    assert told == ["norms: no heartbeat from process 12 on elsewhere for long; waiting 0.1 s for a sign of life"]
    assert list(shared.claims("norms")) == ["abc"]


def test_heartbeats_end_with_the_lease(shared, monkeypatch):
    monkeypatch.setattr("sweeps.launch.lease.HEARTBEAT_SECONDS", 0.05)
    with acquire_lease(shared, "norms", print):
        heartbeats = [thread for thread in threading.enumerate() if thread.name == "claim"]
        assert heartbeats
    assert not any(thread.is_alive() for thread in heartbeats)


def test_another_study_may_be_swept_meanwhile(shared):
    with acquire_lease(shared, "norms", print), acquire_lease(shared, "other", print):
        assert len(shared.claims("other")) == 1


def test_what_is_no_claim_of_ours_holds_nobody_up(shared):
    shared.claim("norms", "abc", "of a later version")
    with acquire_lease(shared, "norms", print):
        pass


@pytest.mark.parametrize(("name", "goes_on"), [("! 12 1700000000", False), ("~ 12 1700000000", True)])
def test_a_driver_that_still_draws_its_number_is_waited_for_and_names_decide_between_equal_ones(
    shared, tmp_path, name, goes_on
):
    rival = StudyLease(name, time.time(), 0)
    shared.claim("norms", "abc", json.dumps(asdict(rival)))
    drawn = json.dumps(asdict(replace(rival, number=1)))
    timer = Timer(0.5, Store.open(tmp_path / "other").claim, ("norms", "abc", drawn))
    timer.start()
    try:
        with nullcontext() if goes_on else pytest.raises(SweepError, match="by process 12 on "):  # noqa: SIM117
            with acquire_lease(shared, "norms", print):
                assert numbers(shared) == [1, 1]
    finally:
        timer.join()


@pytest.mark.distributed
def test_of_drivers_that_begin_at_once_one_goes_on(shared, tmp_path):
    with holders(*((tmp_path / str(number),) for number in range(3))) as drivers:
        assert [driver.hears() for driver in drivers] == ["ready"] * 3
        for driver in drivers:
            driver.say()
        heard = [driver.hears() for driver in drivers]
        assert heard.count("held") == 1
        assert sum("a sweep of it is already running, started by process" in line for line in heard) == 2


@pytest.mark.distributed
def test_a_driver_that_is_slow_between_two_writes_is_waited_for(shared, tmp_path):
    with holders((tmp_path / "slow", True), (tmp_path / "quick",)) as (slow, quick):
        assert [slow.hears(), quick.hears()] == ["ready", "ready"]
        slow.say()
        assert slow.hears() == "drawn"
        quick.say()
        until(lambda: numbers(shared) == [0, 1], quick)
        slow.say()
        assert sorted([slow.hears() == "held", quick.hears() == "held"]) == [False, True]


@pytest.mark.distributed
def test_a_driver_of_this_host_that_was_killed_holds_nothing(shared, tmp_path):
    with holders((tmp_path / "other",)) as (driver,):
        assert driver.hears() == "ready"
        driver.say()
        assert driver.hears() == "held"
        with pytest.raises(SweepError, match=f"by process {driver.pid} "), acquire_lease(shared, "norms", print):
            pass
        driver.kill()
        driver.wait()
        with acquire_lease(shared, "norms", print):
            assert len(shared.claims("norms")) == 1


def test_a_store_of_this_machine_alone_is_not_written_to(store):
    with acquire_lease(store, "norms", print):
        assert store.claims("norms") == {}


def test_runs_of_other_hosts_are_swept_up_by_whoever_holds_the_study_and_nobody_else(shared):
    handle = shared.begin(RECORD.head)
    shared._tracker.conclude(handle.uuid, {DRIVER: "elsewhere 12 1700000000"}, ())
    assert shared.kill_orphaned_runs("norms") == ()
    assert shared.kill_orphaned_runs("norms", claimed=True) == (RECORD.run_id,)
