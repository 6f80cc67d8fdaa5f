"""The execution of a trial in a worker process.

It imports torch and transformers only when a trial runs.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sweeps.launch import RunStepped
from sweeps.tuning.trial import TrialEnded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sweeps.tuning.trial import TrialJob

ACCURACY: Final = "rollout/accuracy"  # of the responses that a step samples first, before its update


def run_trial(job: TrialJob, _: Path) -> Iterator[RunStepped | TrialEnded]:
    """Train on one seed after the other and yield the accuracy of each step.

    The accuracy is the share of correct sampled responses. No evaluation problem is read,
    and nothing is written.
    """
    import torch  # noqa: PLC0415 - torch and transformers are for workers, once a process

    from harness.rollouts import read_tiers  # noqa: PLC0415
    from harness.training import build_training  # noqa: PLC0415

    torch.set_num_threads(max(1, int(job.config.backend.num_cpus)))  # as in a run of the grid
    started, read = time.perf_counter(), read_tiers(job.config)
    for place, seed in enumerate(job.seeds):
        for report in build_training(replace(job.config, seed=seed), read).reports:
            yield RunStepped(place * job.config.steps + report.step, {ACCURACY: report.metrics[ACCURACY]})
    yield TrialEnded(time.perf_counter() - started)
