"""Commands such as ``python -m sweeps``: in this process, and in processes that tests interrupt and kill.

Importing torch, transformers and MLflow takes six seconds of processor time. The processes are forked from one that
has imported them. Ray is not among them, because it reads the environment of a driver when it is imported.
"""

import multiprocessing
import os
import signal
import sys
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO

import psutil
import pytest

from sweeps.__main__ import main

PATIENCE = float(os.environ.get("PATIENCE", "300"))  # seconds until a story that does not go on is a failure
SETTINGS = {"RAY_ADDRESS", "RAY_AUTH_MODE", "MLFLOW_TRACKING_URI", "RESULTS_DIR", "LAUNCH", "CLUSTER_WAIT"}

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "harness.training.run",
        "harness.tracking.store",
        "sweeps.plan.plan",
        "sweeps.tuning.study",
        "sweeps.cost.gpu",
        "mlflow",
        __name__,
    ]
)


class Driver:
    """A process that calls a function, with the interface of ``subprocess.Popen`` as far as tests need it.

    It has the environment that is given, else that of the test, and not that of the process it is forked from.
    """

    def __init__(self, function, *words, environment=None):
        given = dict(os.environ) if environment is None else environment
        self._process = FORKS.Process(target=_call, args=(function, words, given))
        self._process.start()
        self.pid = self._process.pid
        self.output = None  # the file that holds what it says, if it is a command

    def poll(self):
        return self._process.exitcode

    def wait(self, timeout=PATIENCE):
        """Wait for the end and return the exit code."""
        self._process.join(timeout)
        assert self.poll() is not None, f"process {self.pid} has not ended within {timeout:g} s; {self.last_words()}"
        return self.poll()

    def last_words(self):
        return self.output.read_text()[-2000:] if self.output and self.output.exists() else ""

    def send_signal(self, number):
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


@contextmanager
def command(words, output, program=main, **environment):
    """Do what ``program`` does with the words, in its own process that is killed if it is left.

    ``output`` is the file for what it says. ``program`` is a function of a module, which returns the exit code.
    """
    output.touch()  # so that a test can read it before the process has opened it
    given = [str(word) for word in words]
    process = Driver(_perform, program, given, str(output), environment={**clean(), **environment})
    process.output = output
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def here(*words, **environment):
    """Do what ``python -m sweeps WORDS`` does in this process; return the exit code and what it says."""
    said = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        for name in SETTINGS:
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        return main([str(word) for word in words]), said.getvalue()


def sweep(words, output, **environment):
    """Run a sweep in its own process; what it says goes to ``output``."""
    return command(["run", *words], output, **environment)


def until(condition, process):
    """Wait until the condition gives something; the process must be alive meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"the story does not go on; {process.last_words()}"
        assert process.poll() is None, f"the process has ended too early; {process.last_words()}"
        time.sleep(0.05)
    return found


def title(process):
    """The command line of a process, empty once it is gone; Ray names a worker by its task."""
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


def clean():
    """The environment without what would send a sweep elsewhere."""
    return {name: value for name, value in os.environ.items() if name not in SETTINGS}


def _call(function, words, environment):
    os.environ.clear()
    os.environ.update(environment)
    function(*words)


def _perform(program, words, output):
    """Do what a program does, in a process that is new but for what it has imported."""
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - until the end
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115 - by line, as Python has it
    sys.exit(program(words))
