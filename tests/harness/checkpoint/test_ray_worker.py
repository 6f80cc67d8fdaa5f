"""SIGTERM in a worker of Ray's, which has a handler of its own for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from harness.common.signals import Preempted
from tests.harness.checkpoint.runs import checkpoints, spec
from tests.local_ray import imports_from_here

pytestmark = pytest.mark.distributed


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(
        address="local",
        num_cpus=1,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=100 * 2**20,
        runtime_env=imports_from_here(OMP_NUM_THREADS="1"),
    )
    yield
    ray.shutdown()


def steps(folder: str) -> Iterator[int]:
    from harness.training.run import execute_run

    yield worker()
    for item in execute_run(spec("steps=40", "checkpoint.every=0"), Path(folder)):
        yield item.step  # type: ignore[union-attr]
        if item.step == 2:  # type: ignore[union-attr]
            os.kill(os.getpid(), signal.SIGTERM)


def worker() -> int:
    return os.getpid()


@pytest.mark.usefixtures("session")
def test_the_run_ends_as_preempted_and_its_worker_lives_on(tmp_path: Path) -> None:
    said: list[int] = []
    task = ray.remote(num_returns="streaming", max_retries=0)(steps)
    with pytest.raises(Preempted, match="stopped; the same command resumes from step 2"):  # noqa: PT012
        for message in task.remote(str(tmp_path)):
            said.append(ray.get(message))
    pid, *reported = said
    assert reported == [0, 1, 2]
    assert checkpoints(tmp_path) == ["step-000002"]
    assert ray.get(ray.remote(worker).remote()) == pid
