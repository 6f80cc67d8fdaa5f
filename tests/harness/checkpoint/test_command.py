"""``python -m harness`` stopped by Ctrl-C and by SIGTERM, and started again."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from harness.__main__ import main
from harness.tracking.store import Store
from tests.sweeps.drivers import command, until

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
STOPPED = re.compile(r"stopped; the same command resumes from step (\d+)\n")


@pytest.fixture(autouse=True)
def _blank(tmp_path: Path, blank_database: Path) -> None:
    copyfile(blank_database, tmp_path / "mlflow.db")


def start(results: Path, name: str) -> Any:
    """The run in a process of its own; what it says goes to a file of that name."""
    return command(SMALL, results / name, main, RESULTS_DIR=str(results))


def curves(results: Path) -> list[int]:
    """The steps that are on disk, the last one perhaps in part."""
    found = next((results / "runs").glob("*/metrics.jsonl"), None)
    return [json.loads(line)["step"] for line in found.read_text().splitlines()[:-1]] if found else []


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    steps = []
    for number, reached in ((signal.SIGINT, 1), (signal.SIGTERM, 5)):
        with start(tmp_path, number.name) as process:
            until(lambda: reached in curves(tmp_path), process)  # noqa: B023 - called before the next round
            process.send_signal(number)
            assert process.wait() == 130
        said = (tmp_path / number.name).read_text()
        assert "Traceback" not in said
        (step,) = map(int, STOPPED.findall(said))
        steps.append(step)
    assert 1 <= steps[0] < steps[1] < 25
    with start(tmp_path, "last") as process:
        assert process.wait() == 0
    assert "Traceback" not in (tmp_path / "last").read_text()
    store = Store.open(tmp_path)
    assert list(store.statuses("single").values()) == ["FINISHED"]
    (curve,) = store.history("single", "rollout/accuracy").values()
    assert [step for step, _ in curve] == list(range(1, 26))


def test_a_second_ctrl_c_does_not_wait_for_the_step(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with start(tmp_path, "said") as process:
        until(lambda: 1 in curves(tmp_path), process)
        process.send_signal(signal.SIGINT)
        until(lambda: "stopping after this step" in said.read_text(), process)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert "Traceback" not in said.read_text()
    assert "stopped; the same command" in said.read_text()


def test_the_same_run_is_not_made_twice_at_once(tmp_path: Path) -> None:
    with start(tmp_path, "first") as first:
        until(lambda: 1 in curves(tmp_path), first)
        first.send_signal(signal.SIGSTOP)  # holds it, and does not end meanwhile
        with start(tmp_path, "second") as second:
            assert second.wait() == 2
    said = (tmp_path / "second").read_text()
    assert f"the same run is already in progress, started by process {first.pid} on " in said
