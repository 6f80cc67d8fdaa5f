from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.request import urlopen

import psutil
import pytest

from harness.ui import main

if TYPE_CHECKING:
    from pathlib import Path

    from harness.store import Store


def test_nothing_to_show_says_what_to_run(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RESULTS_DIR", str(results))
    assert main([]) == 1
    assert "start with: make sweep GRID=smoke" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "message"),
    [("prt=1", "prt: no such argument; did you mean 'port'?"), ("port=x", "port: not a number: x")],
)
def test_a_wrong_argument_is_refused(word: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_the_pages_are_served_on_this_machine_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESULTS_DIR", store.place.removesuffix("/mlflow.db"))
    command = [sys.executable, "-m", "harness.ui", "port=5077"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        server = psutil.Process(process.pid)
        try:
            assert _answers("http://127.0.0.1:5077/health")
            listening = [
                found.laddr.ip
                for found in psutil.net_connections("tcp")
                if found.laddr.port == 5077 and found.status == "LISTEN"
            ]
            assert set(listening) == {"127.0.0.1"}
        finally:
            for part in [*server.children(recursive=True), server]:
                part.kill()


def _answers(page: str) -> bool:
    for _ in range(120):
        try:
            return bool(urlopen(page, timeout=5).status == 200)
        except OSError:
            time.sleep(0.5)
    return False
