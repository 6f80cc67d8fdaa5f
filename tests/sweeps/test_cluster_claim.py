import json
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import asdict
from shutil import copyfile

import pytest

from harness.store import Store
from harness.store_tags import DRIVER
from sweeps.claim import FORGOTTEN, Claim, claim
from sweeps.errors import SweepError
from tests.harness.store_samples import RECORD
from tests.sweeps.clusters import PATIENCE, sweep, until
from tests.sweeps.grids import PLAIN, TINY, write

HOLD = """
import sys, time
from pathlib import Path
from harness.store import Store
from sweeps.claim import claim
from sweeps.errors import SweepError
store = Store.open(Path(sys.argv[1]))
store.claims("norms")
tell = store.claim
def hesitate(study, token, said):
    if said and '"number": 0' not in said:
        print("drawn", flush=True)
        sys.stdin.readline()
    tell(study, token, said)
if "slowly" in sys.argv:
    object.__setattr__(store, "claim", hesitate)
print("ready", flush=True)
sys.stdin.readline()
try:
    with claim(store, "norms", print):
        print("held", flush=True)
        sys.stdin.readline()
except SweepError as error:
    print(error, flush=True)
"""


@pytest.fixture
def shared(tmp_path, monkeypatch, blank_database):
    """A store that several hosts use."""
    copyfile(blank_database, tmp_path / "shared.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'shared.db'}")
    return Store.open(tmp_path / "results")


def holder(folder, *words):
    command = [sys.executable, "-c", HOLD, str(folder), *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def say(process):
    process.stdin.write("\n")
    process.stdin.flush()


def numbers(store):
    return sorted(json.loads(said)["number"] for said in store.claims("norms").values())


def of_another_host(store, age, study="norms"):
    claimed = Claim("elsewhere 12 1700000000", time.time() - age, 1)
    store.claim(study, "abc", json.dumps(asdict(claimed)))


def test_a_driver_on_another_host_is_named_with_the_ways_out(shared):
    of_another_host(shared, 5.0)
    with pytest.raises(SweepError) as caught, claim(shared, "norms", print):
        pass
    said = re.sub(r"heard of \d+ s ago", "heard of 5 s ago", str(caught.value))  # more on a busy machine
    assert said == (
        "norms is being swept already, by process 12 on elsewhere, last heard of 5 s ago; wait for it or stop it (a "
        "driver that died is forgotten after 180 s of silence), or give one sweep both machines with RAY_ADDRESS"
    )
    assert list(shared.claims("norms")) == ["abc"]


def test_a_sweep_does_not_start_beside_one_on_another_host(shared, tmp_path):
    of_another_host(shared, 5.0, study="plain")
    words, said = [f"grid={write(tmp_path, PLAIN + TINY)}", f"results={tmp_path / 'results'}"], tmp_path / "said.txt"
    with sweep(words, said, MLFLOW_TRACKING_URI=f"sqlite:///{shared.place}", LAUNCH="inline") as process:
        assert process.wait(PATIENCE) == 2
    assert "plain is being swept already, by process 12 on elsewhere" in said.read_text()
    assert shared.statuses("plain") == {}


def test_a_driver_on_another_host_that_stays_silent_is_forgotten(shared, monkeypatch):
    monkeypatch.setattr("sweeps.claim.DOUBT", 0.1)
    of_another_host(shared, FORGOTTEN + 5.0)
    with claim(shared, "norms", print):
        assert len(shared.claims("norms")) == 1
        assert "abc" not in shared.claims("norms")
    assert shared.claims("norms") == {}


def test_a_dead_driver_that_another_one_forgets_at_the_same_time_is_forgotten(shared, tmp_path):
    dead = Claim(f"{platform.node()} {os.getpid()} 0", time.time(), 1)
    shared.claim("norms", "abc", json.dumps(asdict(dead)))
    client, faster = shared._tracker.client, Store.open(tmp_path / "other")
    forget = client.delete_experiment_tag

    def slow(*words):
        if faster.claims("norms").keys() == {"abc"}:
            faster.claim("norms", "abc", None)
        forget(*words)

    client.delete_experiment_tag = slow
    with claim(shared, "norms", print):
        assert len(shared.claims("norms")) == 1
        assert "abc" not in shared.claims("norms")


def test_a_driver_that_was_only_cut_off_from_the_store_keeps_its_study(shared, monkeypatch):
    monkeypatch.setattr("sweeps.claim.DOUBT", 0.1)
    of_another_host(shared, FORGOTTEN + 5.0)
    told = []

    def hear(line):
        told.append(line)
        of_another_host(shared, 0.0)

    with pytest.raises(SweepError, match="is being swept already"), claim(shared, "norms", hear):
        pass
    assert told == ["norms: nothing was heard of process 12 on elsewhere for long; waiting 0.1 s for a sign of life"]
    assert list(shared.claims("norms")) == ["abc"]


def test_another_study_may_be_swept_meanwhile(shared):
    with claim(shared, "norms", print), claim(shared, "other", print):
        assert len(shared.claims("other")) == 1


def test_what_is_no_claim_of_ours_holds_nobody_up(shared):
    shared.claim("norms", "abc", "of a later version")
    with claim(shared, "norms", print):
        pass


def test_of_drivers_that_begin_at_once_one_goes_on(shared, tmp_path):
    drivers = [holder(tmp_path / str(number)) for number in range(3)]
    try:
        assert [driver.stdout.readline() for driver in drivers] == ["ready\n"] * 3
        for driver in drivers:
            say(driver)
        heard = [driver.stdout.readline() for driver in drivers]
        assert heard.count("held\n") == 1
        assert sum("is being swept already, by process" in line for line in heard) == 2
    finally:
        for driver in drivers:
            driver.kill()
            driver.communicate()


def test_a_driver_that_is_slow_between_two_writes_is_waited_for(shared, tmp_path):
    slow, quick = holder(tmp_path / "slow", "slowly"), holder(tmp_path / "quick")
    try:
        say(slow)
        assert [slow.stdout.readline(), slow.stdout.readline()] == ["ready\n", "drawn\n"]
        say(quick)
        assert quick.stdout.readline() == "ready\n"
        until(lambda: numbers(shared) == [0, 1], quick)
        say(slow)
        assert sorted([slow.stdout.readline() == "held\n", quick.stdout.readline() == "held\n"]) == [False, True]
    finally:
        for driver in (slow, quick):
            driver.kill()
            driver.communicate()


def test_a_driver_of_this_host_that_was_killed_holds_nothing(shared, tmp_path):
    driver = holder(tmp_path / "other")
    say(driver)
    assert [driver.stdout.readline(), driver.stdout.readline()] == ["ready\n", "held\n"]
    with pytest.raises(SweepError, match=f"by process {driver.pid} "), claim(shared, "norms", print):
        pass
    driver.kill()
    driver.communicate()
    with claim(shared, "norms", print):
        assert len(shared.claims("norms")) == 1


def test_a_store_of_this_machine_alone_is_not_written_to(store):
    with claim(store, "norms", print):
        assert store.claims("norms") == {}


def test_runs_of_other_hosts_are_swept_up_by_whoever_holds_the_study_and_nobody_else(shared):
    handle = shared.begin(RECORD.head)
    shared._tracker.attach(handle.uuid, {DRIVER: "elsewhere 12 1700000000"}, {})
    assert shared.sweep_up("norms") == ()
    assert shared.sweep_up("norms", claimed=True) == (RECORD.run_id,)
