import os
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from harness.store import Store
from tests.analysis.samples import STUDY, run


@pytest.fixture
def server(tmp_path, blank_database):
    """A tracking server of MLflow's own; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    options = ["--artifacts-destination", str(tmp_path / "served"), "--port", str(port), "--workers", "1"]
    (tmp_path / "server.db").write_bytes(blank_database.read_bytes())
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    with subprocess.Popen([*command, *options], env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait(address, process, patience=120.0):
    end = time.monotonic() + patience
    while process.poll() is None and time.monotonic() < end:
        try:
            return urlopen(address, timeout=5).close()
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.5)
    raise AssertionError("the tracking server did not start")


@pytest.mark.slow
def test_a_tracking_server_keeps_what_a_database_keeps(server, results, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    store = Store.open(results)
    assert store.studies() == ()
    store.save_study(STUDY)
    handle = store.begin(run(0, 0).head)
    store.log(handle, 1, {"reward/mean": 0.25})
    store.finish(handle, run(0, 0), {"note.txt": "short"})
    store.begin(run(0, 1).head)
    assert store.sweep_up("norms") == ("c0-s1",)
    again = Store.open(results)
    assert again.studies() == (STUDY,)
    assert again.records("norms") == [run(0, 0)]
    assert again.finished("norms") == {"c0-s0"}
    assert again.history("norms", "reward/mean") == {"c0-s0": ((1, 0.25),)}
    assert again.links("norms")["c0-s0"].startswith(f"{server}/#/experiments/")
