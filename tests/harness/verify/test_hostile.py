import asyncio
import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import ray

from harness.verify.model.verdict import Gold, Limits
from harness.verify.process_pool import Verifier, get_shared_verifier
from sweeps.launch.cluster import open_session
from tests.harness.verify.hostile import HOSTILE
from tests.harness.verify.hostile_cost import SUM, TOWER
from tests.tiers import counts

ROOT = Path(__file__).resolve().parents[3]
DEADLINE = Limits().cpu_seconds
BY_NAME = {case.name: case for case in HOSTILE}

# None of these is decided by text or as plain numbers: each goes to a worker.
ORDINARY = [
    (Gold(r"2\sqrt{2}"), r"\boxed{\sqrt{8}}"),
    (Gold("x^2-1"), r"\boxed{(x-1)(x+1)}"),
    (Gold(r"\frac{\pi}{6}"), r"\boxed{\frac{\pi}{3}}"),
]
RIGHT = [True, True, False]
MIXED = [
    *ORDINARY,
    *((Gold(BY_NAME[name].gold), BY_NAME[name].response) for name in ("power_tower", "expand", "python_exec", "nul")),
]


@pytest.fixture(scope="module")
def costs():
    """Name -> verdict and cost, of every hostile response, judged one by one in another process."""
    command = [sys.executable, "-m", "tests.harness.verify.hostile_run"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    first, *rest = map(json.loads, done.stdout.splitlines())
    return {"start": first["start"], **{row["name"]: row for row in rest}}


def words(verifier, pairs=MIXED):
    return [verdict.right for verdict in verifier.verify(pairs)]


@pytest.fixture
def verifier():
    """With a deadline that ordinary pairs meet with ease, and hostile ones miss at a third of the usual cost."""
    with closing(Verifier(processes=1, limits=Limits(cpu_seconds=0.7))) as made:
        yield made


def test_there_are_many_and_each_has_its_name():
    assert len(BY_NAME) == len(HOSTILE) >= 90


def test_no_hostile_response_earns_anything(costs):
    assert {name: costs[name]["right"] for name in BY_NAME} == dict.fromkeys(BY_NAME, False)


def test_a_hostile_response_costs_at_most_the_deadline_and_a_second(costs):
    # CPU seconds of all processes, so that a busy machine changes nothing; a worker that was ended starts again.
    most = DEADLINE + 1 + costs["start"]
    assert {name: found for name in BY_NAME if (found := costs[name]["cpu_seconds"]) >= most} == {}


def test_no_process_takes_a_gigabyte(costs):
    peaks = {name: cost["peak_mb"] for name, cost in costs.items() if name != "start"}
    assert max(peaks.values()) < 1000, max(peaks, key=peaks.get)


def test_code_in_a_box_is_never_run(costs):
    assert costs.keys() >= {"python_import", "shell", "latex_write"}
    assert not (ROOT / "hostile_was_here").exists()


def test_the_order_of_a_batch_is_kept(verifier):
    cases = [pair for case in HOSTILE[::10] for pair in (ORDINARY[0], (Gold(case.gold), case.response))]
    assert words(verifier, cases) == [True, False] * (len(cases) // 2)


def test_threads_share_a_verifier(verifier):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: words(verifier), range(8)))
    assert found == [RIGHT + [False] * 4] * 8


def test_a_running_event_loop_does_not_matter(verifier):
    async def main():
        return words(verifier), await asyncio.gather(*(asyncio.to_thread(words, verifier) for _ in range(3)))

    here, threads = asyncio.run(main())
    assert [here, *threads] == [RIGHT + [False] * 4] * 4


class Judge:
    """An actor with an event loop: its methods run off the main thread."""

    async def words(self):
        return words(get_shared_verifier())


@pytest.mark.distributed
def test_actors_of_ray_may_judge():
    with open_session(1):
        judge = ray.remote(num_cpus=0)(Judge).options(max_concurrency=2).remote()
        found = ray.get([judge.words.remote() for _ in range(2)])
    assert found == [RIGHT + [False] * 4] * 2


def test_the_callers_alarm_is_left_alone(verifier):
    def ring(*_):
        raise AssertionError("the alarm is an hour away")

    handler = signal.signal(signal.SIGALRM, ring)
    timer = signal.setitimer(signal.ITIMER_REAL, 3600)
    try:
        assert words(verifier) == RIGHT + [False] * 4
        assert signal.getsignal(signal.SIGALRM) is ring
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 3600
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


def test_a_worker_that_is_killed_is_replaced(verifier):
    assert words(verifier, ORDINARY) == RIGHT
    workers = [child for child in psutil.Process().children() if "harness.verify.worker" in child.cmdline()]
    assert workers
    for worker in workers:
        worker.kill()
    assert words(verifier, [(Gold(r"3\sqrt{2}"), r"\boxed{\sqrt{18}}"), *ORDINARY]) == [True, *RIGHT]


@pytest.mark.parametrize("deadlines", counts(3, 10))
def test_after_some_deadlines_in_a_row_ordinary_pairs_are_judged_as_before(deadlines):
    with closing(Verifier(processes=1, limits=Limits(cpu_seconds=0.3))) as hurried:
        found = hurried.verify([(Gold(SUM), rf"\boxed{{{TOWER} + {k}}}") for k in range(deadlines)])
        assert [verdict.reason for verdict in found] == ["deadline"] * deadlines
        assert all(verdict.undecided and not verdict.right for verdict in found)
        assert words(hurried, ORDINARY) == RIGHT
