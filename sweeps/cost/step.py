"""Seconds of one step by phase: sample, score, update, hand the weights over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeps.cost.constants import FITTED, REST_SHARE, SAMPLER_SHARE, SYNC_RATE, Fitted
from sweeps.cost.generation import generation_seconds
from sweeps.cost.models import HALF
from sweeps.cost.training import log_prob_seconds, update_seconds

if TYPE_CHECKING:
    from sweeps.cost.hardware import Cluster
    from sweeps.cost.models import ModelShape
    from sweeps.cost.work import Work


@dataclass(frozen=True, slots=True)
class Step:
    """Seconds of the phases of one synchronous step; sampler and trainer take turns on the same GPUs."""

    generation: float
    log_probs: float
    update: float
    sync: float

    @property
    def seconds(self) -> float:
        """All of it, with what lies between the phases."""
        return (self.generation + self.log_probs + self.update) * (1 + REST_SHARE) + self.sync


def step_time(
    model: ModelShape, cluster: Cluster, work: Work, share: float = SAMPLER_SHARE, fitted: Fitted = FITTED
) -> Step:
    """The expected step. ``share``: of memory, the sampler's."""
    return Step(
        generation=generation_seconds(model, cluster, work.sampled, fitted, share),
        log_probs=log_prob_seconds(model, cluster, work, fitted),
        update=update_seconds(model, cluster, work, fitted),
        sync=HALF * model.parameters / SYNC_RATE,
    )
