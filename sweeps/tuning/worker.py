"""The execution of a trial in a worker process.

Only workers import this module, because it imports transformers.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from harness.rollouts.problems import tiers
from harness.training.session import build_training
from sweeps.tuning.trial import TrialEnded, TrialStep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sweeps.tuning.trial import TrialJob


def run_trial(job: TrialJob) -> Iterator[TrialStep | TrialEnded]:
    """Train on one seed after the other and yield the accuracy of each step.

    The accuracy is the share of correct sampled responses. No evaluation problem is read.
    """
    torch.set_num_threads(max(1, int(job.config.backend.num_cpus)))  # as in a run of the grid
    started, read = time.perf_counter(), tiers(job.config)
    for place, seed in enumerate(job.seeds):
        for report in build_training(replace(job.config, seed=seed), read).reports:
            yield TrialStep(place, report.step, report.metrics["rollout/accuracy"])
    yield TrialEnded(time.perf_counter() - started)
