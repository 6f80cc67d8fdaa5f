"""``python -m harness`` stopped by Ctrl-C and by SIGTERM, and started again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from shutil import copyfile

import pytest

from harness.tracking.store import Store

pytestmark = pytest.mark.slow

SMALL = (
    "steps=25",
    "rollout.prompts_per_batch=4",
    "rollout.group_size=4",
    "rollout.max_response_length=24",
    "eval.problems=2",
    "eval.samples=2",
    "checkpoint.every=0",
)
PATIENCE = 240.0
STOPPED = re.compile(r"stopped; the same command resumes from step (\d+)\n")


@pytest.fixture(autouse=True)
def _blank(tmp_path: Path, blank_database: Path) -> None:
    copyfile(blank_database, tmp_path / "mlflow.db")


def start(results: Path) -> subprocess.Popen[str]:
    away = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    command = [sys.executable, "-m", "harness", *SMALL]
    return subprocess.Popen(command, env={**away, "RESULTS_DIR": str(results)}, stderr=subprocess.PIPE, text=True)


def curves(results: Path) -> list[int]:
    """The steps that are on disk, the last one perhaps in part."""
    found = next((results / "runs").glob("*/metrics.jsonl"), None)
    return [json.loads(line)["step"] for line in found.read_text().splitlines()[:-1]] if found else []


def until(step: int, results: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while step not in curves(results):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    steps = []
    for number, reached in ((signal.SIGINT, 1), (signal.SIGTERM, 5)):
        process = start(tmp_path)
        until(reached, tmp_path, process)
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert "Traceback" not in said
        (step,) = map(int, STOPPED.findall(said))
        steps.append(step)
    assert 1 <= steps[0] < steps[1] < 25
    _, said = (last := start(tmp_path)).communicate(timeout=PATIENCE)
    assert (last.returncode, "Traceback" in said) == (0, False)
    store = Store.open(tmp_path)
    assert list(store.statuses("single").values()) == ["FINISHED"]
    (curve,) = store.history("single", "rollout/accuracy").values()
    assert [step for step, _ in curve] == list(range(1, 26))


def test_a_second_ctrl_c_does_not_wait_for_the_step(tmp_path: Path) -> None:
    process = start(tmp_path)
    until(1, tmp_path, process)
    process.send_signal(signal.SIGINT)
    assert process.stderr
    while "stopping after this step" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "stopped; the same command" in said


def test_the_same_run_is_not_made_twice_at_once(tmp_path: Path) -> None:
    first = start(tmp_path)
    try:
        until(1, tmp_path, first)
        first.send_signal(signal.SIGSTOP)  # holds it, and does not end meanwhile
        second = start(tmp_path)
        _, said = second.communicate(timeout=PATIENCE)
        assert second.returncode == 2
        assert f"the same run is already in progress, started by process {first.pid} on " in said
    finally:
        first.kill()
        first.communicate()
