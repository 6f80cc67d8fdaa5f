from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import psutil
import pytest

from harness.verify.model.verdict import Gold, Limits
from harness.verify.process_pool import Verifier

ASKED = (Gold(r"2\sqrt{2}"), r"\boxed{\sqrt{8}}")  # goes to a process
UNASKED = (Gold("7"), r"\boxed{7}")
FOR_MATH_VERIFY = Gold(r"\sum_{k=1}^{9} k")  # a gold that our reader does not know
ENDLESS = (FOR_MATH_VERIFY, r"\boxed{9^{9^{9^{9}}}}")
PATIENCE = 60


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    with closing(Verifier()) as made:
        yield made


def test_a_process_with_many_open_files_gets_its_answers(verifier: Verifier) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        while stack.enter_context(open(os.devnull, "rb")).fileno() < 1024:
            pass
        (judgment,) = verifier.verify([ASKED])
    assert judgment.right


def gone(pid: int) -> bool:
    """Whether a process has ended, waiting for it a while."""
    end = time.monotonic() + PATIENCE
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_no_process_starts_for_plain_answers(verifier: Verifier) -> None:
    assert verifier.verify([UNASKED])[0].right
    assert verifier.pids() == []


def test_a_process_is_kept_for_the_next_question(verifier: Verifier) -> None:
    assert verifier.verify([ASKED])[0].right
    first = verifier.pids()
    verifier.verify([(Gold("x^2-1"), r"\boxed{(x+1)(x-1)}")])
    assert verifier.pids() == first
    assert len(first) == 1


def test_the_deadline_is_a_third_outcome_and_the_next_question_is_answered() -> None:
    with closing(Verifier(limits=Limits(cpu_seconds=0.5))) as verifier:
        found = verifier.verify([ENDLESS, ASKED])
        assert [verdict.reason for verdict in found] == ["deadline", "equal"]
        assert found[0].undecided
        assert not found[0].right


def test_the_memory_limit_is_a_third_outcome() -> None:
    with closing(Verifier(limits=Limits(memory_mb=45))) as verifier:  # enough for us, not for sympy
        found = verifier.verify([(FOR_MATH_VERIFY, r"\boxed{45}"), ASKED])
        assert [verdict.undecided for verdict in found] == [True, False]
        assert [verdict.right for verdict in found] == [False, True]


def test_a_process_that_is_killed_is_replaced(verifier: Verifier) -> None:
    verifier.verify([ASKED])
    os.kill(verifier.pids()[0], signal.SIGKILL)
    assert verifier.verify([ASKED])[0].right


@pytest.mark.slow
def test_a_process_that_never_gets_to_run_is_replaced() -> None:
    with closing(Verifier(limits=Limits(wall_seconds=6))) as verifier:
        verifier.verify([ASKED])
        os.kill(verifier.pids()[0], signal.SIGSTOP)
        assert verifier.verify([(Gold("x^2-1"), r"\boxed{(x+1)(x-1)}")])[0].right


def test_a_wait_changes_no_verdict(verifier: Verifier) -> None:
    verifier.verify([ASKED])
    pid = verifier.pids()[0]
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(verifier.verify, [(Gold("x^2-1"), r"\boxed{(x+1)(x-1)}")])
        time.sleep(0.3)
        os.kill(pid, signal.SIGCONT)
        assert asked.result()[0].right
    assert verifier.pids() == [pid]


def test_two_processes_keep_the_order() -> None:
    pairs = [(Gold(rf"\sqrt{{{4 * n}}}"), rf"\boxed{{2\sqrt{{{n + n % 2}}}}}") for n in range(1, 41)]
    with closing(Verifier(processes=2)) as verifier:
        assert [verdict.right for verdict in verifier.verify(pairs)] == [n % 2 == 0 for n in range(1, 41)]
        assert len(verifier.pids()) == 2


def test_the_same_question_is_asked_once() -> None:
    with closing(Verifier(limits=Limits(cpu_seconds=0.3))) as verifier:
        started = psutil.Process().cpu_times().children_user
        assert {verdict.reason for verdict in verifier.verify([ENDLESS] * 40)} == {"deadline"}
        assert psutil.Process().cpu_times().children_user - started < 40 * 0.3


def test_closing_ends_the_processes(verifier: Verifier) -> None:
    verifier.verify([ASKED])
    pid = verifier.pids()[0]
    verifier.close()
    assert gone(pid)
    assert verifier.verify([ASKED])[0].right


def test_no_process_outlives_a_parent_that_is_killed() -> None:
    code = (
        "from harness.verify.model.verdict import Gold; from harness.verify.process_pool import "
        "get_shared_verifier; import time;"
        r"get_shared_verifier().verify([(Gold('2\\sqrt2'), '\\boxed{\\sqrt8}')]);"
        "print(get_shared_verifier().pids()[0], flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert gone(pid)


def test_a_fork_gets_processes_of_its_own(verifier: Verifier) -> None:
    verifier.verify([ASKED])
    pids = verifier.pids()
    child = os.fork()
    if child == 0:
        right = verifier.verify([ASKED])[0].right and verifier.pids() != pids
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert verifier.verify([ASKED])[0].right
    assert verifier.pids() == pids


def test_a_box_may_hold_nothing_or_too_much(verifier: Verifier) -> None:
    pairs = [(Gold("7"), text) for text in ("7", r"\boxed{ }", r"\boxed{" + "1+" * 3_000 + "1}")]
    found = verifier.verify(pairs)
    assert [verdict.reason for verdict in found] == ["no_box", "empty_box", "too_long"]
    assert [verdict.answer for verdict in found] == [None] * 3


def test_votes_come_with_the_verdict(verifier: Verifier) -> None:
    found = verifier.verify([(Gold("1/2"), r"\boxed{\frac12}"), (Gold("1/2"), r"\boxed{\dfrac{2}{4}}")])
    assert [verdict.answer for verdict in found] == ["1/2", "1/2"]
