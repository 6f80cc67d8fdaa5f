"""Run tests against a planted fault, and say which of them caught it."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

TIERS = {"default": "not slow and not distributed and not engines and not gpu", "all": ""}
_CAUGHT, _PASSED, _BROKEN, _NONE = 1, 0, 2, 5  # pytest's exit codes; broken: a file could not be collected
_NAMED = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)


class Interrupted(Exception):  # noqa: N818 - no error: the results so far are kept
    """The user stopped the trials."""


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

    def failed(self, tree, tests, marks):
        """Return the id of the first test that fails, or None where all pass.

        Args:
            tree: The copy of the project.
            tests: Paths or ids of tests.
            marks: An expression of marks, for ``-m``.
        """
        if self.stopped:
            raise Interrupted
        words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", "-m", marks]
        process = subprocess.Popen(
            [*words, *tests],
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
        test = pytest.failed(tree, tests, TIERS[tier]) if tests else None
        if test is not None:
            seconds = time.monotonic() - began
            return Result(_sound(test, tree, tier, pytest), test, stage, round(seconds, 1))
    return Result("missed", "", stages[-1][0], round(time.monotonic() - began, 1))


def _sound(test, tree, tier, pytest):
    """Return "caught" if the test passes without the fault."""
    tree.restore()
    return "caught" if pytest.failed(tree, [test.partition("[")[0]], TIERS[tier]) is None else "unsound"


def _verdict(code, said):
    if code in (_PASSED, _NONE):
        return None
    named = _NAMED.search(said)
    if code in (_CAUGHT, _BROKEN) and named:
        return named[1]
    raise RuntimeError(f"pytest ended with {code}:\n{said[-2000:]}")


def _end(process):
    """Kill what is left of the process and of what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
