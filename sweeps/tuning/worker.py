"""What a worker process does with a trial. Only workers import this: it brings transformers."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from harness.rollouts.problems import tiers
from harness.training.session import practice
from sweeps.tuning.trial import Ended, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sweeps.tuning.trial import Job


def rehearse(job: Job) -> Iterator[Step | Ended]:
    """Train on one seed after the other and say how many responses were right. No evaluation problem is read."""
    torch.set_num_threads(max(1, int(job.config.backend.num_cpus)))  # as a run of the grid
    started, read = time.perf_counter(), tiers(job.config)
    for place, seed in enumerate(job.seeds):
        for report in practice(replace(job.config, seed=seed), read).reports:
            yield Step(place, report.step, report.metrics["rollout/accuracy"])
    yield Ended(time.perf_counter() - started)
