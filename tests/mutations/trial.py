"""Run tests against a planted fault, and say which of them caught it."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

TIERS = {"default": "not slow and not distributed and not engines and not gpu", "all": ""}
_PASSED, _FAILED, _INTERRUPTED, _NOTHING_RAN = 0, 1, 2, 5  # pytest's exit codes; 2 also where a file is not collected
INTERRUPTED = "(the tests were interrupted by one of them)"
_NAMED = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)


class Interrupted(Exception):
    """The user stopped the trials."""


class PytestError(RuntimeError):
    """Pytest ended in another way than with passed or failed tests."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a fault."""

    outcome: str  # "caught", "missed", or "unsound": the test that failed fails without the fault too
    test: str  # the one that failed; empty where none did
    stage: str  # of the tests that ran last: "targeted" or "tier"
    seconds: float

    def as_json(self):
        """Return the fields for a JSON file."""
        return asdict(self)


class Pytest:
    """Pytest on copies of the project, one process a call."""

    def __init__(self):
        self._running = set()
        self.stopped = False

    def failed(self, tree, tests, marks, *, first=True):
        """Return the ids of tests that fail.

        Args:
            tree: The copy of the project.
            tests: Paths or ids of tests.
            marks: An expression of marks, for ``-m``.
            first: Stop at the first that fails.

        Raises:
            PytestError: Pytest could not run.
            Interrupted: It was stopped meanwhile.
        """
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "-m", marks, *tests]
        if self.stopped:
            raise Interrupted
        process = subprocess.Popen(
            [*words, "-x"] if first else words,
            cwd=tree.folder,
            env=tree.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._running.add(process)
        try:
            said = process.communicate()[0]
        finally:
            self._running.discard(process)
            _end(process)
        if self.stopped:
            raise Interrupted
        return _verdict(process.returncode, said)

    def stop(self):
        """End all running tests."""
        self.stopped = True
        for process in tuple(self._running):
            _end(process)


def tried(fault, tree, tier, pytest, *, targeted_only=False):
    """Plant a fault and run its own tests, then the tier.

    Args:
        fault: The fault.
        tree: A copy of the project that nobody else uses meanwhile.
        tier: A key of TIERS.
        pytest: What runs the tests.
        targeted_only: Leave the rest of the tier out.

    Returns:
        The result; "missed" where no test that ran fails.
    """
    began = time.monotonic()
    tree.plant(fault)
    stages = [("targeted", fault.tests)] if fault.tests or targeted_only else []
    stages += [] if targeted_only else [("tier", ("tests",))]
    for stage, tests in stages:
        if tests and (failed := pytest.failed(tree, tests, TIERS[tier])):
            return Result("caught", failed[0], stage, round(time.monotonic() - began, 1))
    return Result("missed", "", stages[-1][0], round(time.monotonic() - began, 1))


def unsound(tests, tree, tier, pytest):
    """Return those of the tests that fail without any fault, and so caught nothing."""
    tree.restore()
    functions = sorted({function_of(test) for test in tests if test != INTERRUPTED})
    found = pytest.failed(tree, functions, TIERS[tier], first=False) if functions else []
    failed = {function_of(test) for test in found}
    return {test for test in tests if function_of(test) in failed}


def function_of(test):
    """Return the id of a test without its parameters."""
    return test.partition("[")[0]


def _verdict(code, said):
    if code in (_PASSED, _NOTHING_RAN):
        return []
    named = _NAMED.findall(said)
    if code == _INTERRUPTED and "KeyboardInterrupt" in said:  # a signal that the fault let through
        return [INTERRUPTED]
    if code not in (_FAILED, _INTERRUPTED) or not named:
        raise PytestError(f"pytest ended with {code}:\n{said[-2000:]}")
    return named


def _end(process):
    """Kill what is left of the process and of what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
