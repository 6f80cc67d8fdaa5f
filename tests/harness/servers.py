"""MLflow's own tracking server on 127.0.0.1, which tests start, kill and start again on the same database."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from random import SystemRandom
from shutil import copyfile
from urllib.error import URLError
from urllib.request import urlopen

import psutil

# Above the ports of Ray's workers, which end at 19999, and below those that Linux gives out by itself, from 32768: what
# is free here stays free until a server starts, and while it is down.
PORTS = range(20_000, 32_768)
PATIENCE = 120.0  # seconds until a server that does not start is a failure


class Server:
    """A server of a folder; its address stays the same."""

    def __init__(self, folder, blank_database):
        self.database = folder / "server.db"
        copyfile(blank_database, self.database)
        self._folder = folder
        self._port = _free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self._process = None

    def start(self):
        words = [
            "--backend-store-uri",
            f"sqlite:///{self.database}",
            "--artifacts-destination",
            str(self._folder / "served"),
        ]
        command = [sys.executable, "-m", "mlflow", "server", *words, "--port", str(self._port), "--workers", "1"]
        environment = os.environ | {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes for jobs that no test gives it
        }
        self._process = subprocess.Popen(command, env=environment, cwd=self._folder, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, "the tracking server has ended"
            assert time.monotonic() < end, "the tracking server did not start"
            time.sleep(0.3)
        return self

    def kill(self):
        """As ``kill -9`` of all its processes."""
        self._end(signal.SIGKILL)

    def stop(self):
        if self._process and self._process.poll() is None:
            self._end(signal.SIGTERM)

    def _end(self, number):
        processes = [*psutil.Process(self._process.pid).children(recursive=True), psutil.Process(self._process.pid)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        self._process.wait()
        psutil.wait_procs(processes, timeout=PATIENCE)

    def _answers(self):
        try:
            return urlopen(f"{self.address}/health", timeout=5).close() is None
        except (URLError, TimeoutError, ConnectionError):
            return False


def _free_port():
    for port in SystemRandom().sample(PORTS, 100):  # another test process draws others
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"a hundred ports of {PORTS} are taken")


@contextmanager
def serving(folder, blank_database):
    server = Server(folder, blank_database)
    try:
        yield server.start()
    finally:
        server.stop()
