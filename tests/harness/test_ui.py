from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.request import urlopen

import psutil
import pytest

from liteppo.program import main
from tests.harness.store_samples import STUDY, run

if TYPE_CHECKING:
    from pathlib import Path

    from harness.tracking.store import Store


def test_nothing_to_show_says_what_to_run(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RESULTS_DIR", str(results))
    assert main(["ui"]) == 1
    assert "start with: make sweep GRID=smoke" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("prt=1", "prt: no such argument; did you mean 'port'?"),
        ("port=x", "port: not a number from 1 to 65535: x"),
        ("port=70000", "port: not a number from 1 to 65535: 70000"),
    ],
)
def test_a_wrong_argument_is_refused(word: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ui", word]) == 2
    assert message in capsys.readouterr().err


def test_a_port_that_is_taken_is_refused_with_the_way_out(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RESULTS_DIR", store.place.removesuffix("/mlflow.db"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["ui", f"port={port}"]) == 1
    said = capsys.readouterr()
    assert said.err == (
        f"port {port} of 127.0.0.1 cannot be used (Address already in use); take another: make ui PORT=5001\n"
    )
    assert said.out == ""


@pytest.mark.slow
def test_one_quiet_process_shows_the_runs_on_this_machine_alone_until_ctrl_c(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store.save_study(STUDY)
    run(store)
    monkeypatch.setenv("RESULTS_DIR", store.place.removesuffix("/mlflow.db"))
    command = [sys.executable, "-m", "liteppo", "ui", "port=5077"]
    said = tmp_path / "said.txt"
    with said.open("w") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process:
        server = psutil.Process(process.pid)
        try:
            assert _get("http://127.0.0.1:5077/health") == "OK"
            assert "<title>MLflow</title>" in _get("http://127.0.0.1:5077/")
            found = json.loads(
                _get("http://127.0.0.1:5077/ajax-api/2.0/mlflow/experiments/get-by-name?experiment_name=norms")
            )
            assert server.children(recursive=True) == []
            assert server.memory_info().rss < 600e6
            listening = [each.laddr for each in server.net_connections("tcp") if each.status == "LISTEN"]
            assert listening == [("127.0.0.1", 5077)]
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()
    page = f"http://127.0.0.1:5077/#/experiments/{found['experiment']['experiment_id']}/runs"
    assert said.read_text().splitlines() == [
        "MLflow shows the runs at http://127.0.0.1:5077 (press Ctrl-C to stop)",
        f"  norms laptop runs: {page}?viewStateShareKey=liteppo-laptop",
        f"  norms laptop charts: {page}?viewStateShareKey=liteppo-laptop&compareRunsMode=CHART",
    ]
    assert "mlflow.sharedViewState.liteppo-laptop" in {tag["key"] for tag in found["experiment"]["tags"]}


def _get(page: str) -> str:
    for _ in range(240):
        try:
            with urlopen(page, timeout=30) as answer:
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"{page} did not answer")
