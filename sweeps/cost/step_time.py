"""Estimate the seconds of one step by phase."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from sweeps.cost.hardware import (
    BANDWIDTH_SHARE,
    BETWEEN_NODES,
    EXPERTS_SHARE,
    FITTED,
    LAYER_SECONDS,
    REDUCE_SECONDS,
    REST_SHARE,
    SAMPLER_SHARE,
    SPLIT_AT,
    SYNC_RATE,
    Fitted,
)
from sweeps.cost.models import HALF

if TYPE_CHECKING:
    from sweeps.cost.hardware import Cluster, Device
    from sweeps.cost.models import ModelShape
    from sweeps.cost.work import Work


_PARTS: Final = 128  # of the drain, each with the batch of its middle


def split(model: ModelShape, device: Device) -> int:
    """GPUs that one replica of the sampler takes: the smallest power of two with room for a cache."""
    gpus = 1
    while HALF * model.parameters > SPLIT_AT * gpus * device.memory:
        gpus *= 2
    return gpus


@cache  # many cells of a grid differ in their rule alone
def generation_seconds(
    model: ModelShape, cluster: Cluster, work: Work, fitted: Fitted, share: float = SAMPLER_SHARE
) -> float:
    """Seconds to sample the responses of a step. ``share``: of memory, for weights and cache."""
    parts = min(split(model, cluster.device), cluster.gpus)
    waiting = work.responses * parts / cluster.gpus  # of one replica
    running = min(waiting, max(concurrent(model, cluster.device, parts, work, share), 1.0))
    queue = (waiting - running) * work.lengths.mean / running  # decoding steps until the rest all run
    seconds = queue * _decode(model, cluster.device, parts, running, work.prompt + work.lengths.mean / 2, fitted)
    return (
        seconds + _drain(model, cluster.device, parts, running, work, fitted) + _prefill(model, cluster, work, fitted)
    )


def concurrent(model: ModelShape, device: Device, parts: int, work: Work, share: float = SAMPLER_SHARE) -> float:
    """Sequences of mean length that the cache of a replica holds."""
    room = share * parts * device.memory - HALF * model.parameters
    return room / (model.cache_bytes * (work.prompt + work.lengths.mean))


def _drain(model: ModelShape, device: Device, parts: int, running: float, work: Work, fitted: Fitted) -> float:
    width = work.lengths.limit / _PARTS
    middles = [(part + 0.5) * width for part in range(_PARTS)]
    batches = [max(running * work.lengths.running(middle), 1.0) for middle in middles]
    return sum(
        width * _decode(model, device, parts, batch, work.prompt + middle, fitted)
        for batch, middle in zip(batches, middles, strict=True)
    )


def _decode(model: ModelShape, device: Device, parts: int, batch: float, context: float, fitted: Fitted) -> float:
    reductions = 0.0 if parts == 1 else REDUCE_SECONDS * (1 if parts <= device.node else BETWEEN_NODES)
    read, cache = model.read_bytes(batch), batch * context * model.cache_bytes
    products = max(read / device.bandwidth, 2 * model.active * batch / device.peak)
    return (
        model.layers * (LAYER_SECONDS + 2 * reductions)
        + fitted.sequence_seconds * batch
        + (products + cache / device.bandwidth) / (parts * BANDWIDTH_SHARE)
    )


def _prefill(model: ModelShape, cluster: Cluster, work: Work, fitted: Fitted) -> float:
    """Each prompt once, for its whole group."""
    tokens = work.responses / work.group * work.prompt
    return 2 * model.active * tokens / (cluster.gpus * cluster.device.peak * fitted.compute_share)


def forward(model: ModelShape, tokens: float, squares: float) -> float:
    """Operations of a forward pass over sequences with these sums of lengths and of squared lengths."""
    return 2 * model.active * tokens + 2 * model.layers * model.query_heads * model.head_size * squares


def log_prob_seconds(model: ModelShape, cluster: Cluster, work: Work, fitted: Fitted) -> float:
    """Seconds of the old log-probabilities, and of those of the reference model where a rule needs them."""
    return (1 + work.reference) * _pass(model, cluster, work, work.responses) / _rate(model, cluster, fitted)


def update_seconds(model: ModelShape, cluster: Cluster, work: Work, fitted: Fitted) -> float:
    """Seconds of all updates of a step."""
    each = _pass(model, cluster, work, work.responses * work.epochs / work.updates)
    return work.updates * (3 + work.recompute) * each / _rate(model, cluster, fitted)


def _pass(model: ModelShape, cluster: Cluster, work: Work, responses: float) -> float:
    """Operations of the busiest GPU in a forward pass over so many responses."""
    even = forward(model, responses * (work.prompt + work.lengths.mean), responses * work.lengths.square(work.prompt))
    longest = work.prompt + work.lengths.longest(responses)
    return max(even / cluster.gpus, forward(model, longest, longest**2))


def _rate(model: ModelShape, cluster: Cluster, fitted: Fitted) -> float:
    """Operations a second of one GPU."""
    return cluster.device.peak * fitted.compute_share * (EXPERTS_SHARE if model.experts > 1 else 1.0)


@dataclass(frozen=True, slots=True)
class StepTime:
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
) -> StepTime:
    """The expected step. ``share``: of memory, the sampler's."""
    return StepTime(
        generation=generation_seconds(model, cluster, work.sampled, fitted, share),
        log_probs=log_prob_seconds(model, cluster, work, fitted),
        update=update_seconds(model, cluster, work, fitted),
        sync=HALF * model.parameters / SYNC_RATE,
    )
