"""Estimate the seconds of one step by phase."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from sweeps.cost.inputs import (
    BANDWIDTH_SHARE,
    BETWEEN_NODES,
    EXPERTS_SHARE,
    FITTED,
    HALF,
    LAYER_SECONDS,
    REDUCE_SECONDS,
    REST_SHARE,
    SAMPLER_SHARE,
    SPLIT_AT,
    SYNC_RATE,
    Fitted,
)

if TYPE_CHECKING:
    from sweeps.cost.inputs import Cluster, Device, ModelShape
    from sweeps.cost.work import Work


_PARTS: Final = 128  # intervals of the drain, each computed with the batch size at its middle


def count_replica_gpus(model: ModelShape, device: Device) -> int:
    """Return the number of GPUs of one replica of the sampler.

    It is the smallest power of two that leaves room for a cache.
    """
    gpus = 1
    while HALF * model.parameters > SPLIT_AT * gpus * device.memory:
        gpus *= 2
    return gpus


@cache  # many cells of a grid differ only in their rule
def generation_seconds(
    model: ModelShape, cluster: Cluster, work: Work, fitted: Fitted, share: float = SAMPLER_SHARE
) -> float:
    """Return the seconds to sample the responses of a step.

    Args:
        model: the shape of the model
        cluster: the GPUs of the run
        work: the responses of the step
        fitted: the fitted constants
        share: the sampler's share of GPU memory, for weights and cache

    Returns:
        Seconds.

    """
    parts = min(count_replica_gpus(model, cluster.device), cluster.gpus)
    waiting = work.responses * parts / cluster.gpus  # responses per replica
    running = min(waiting, max(concurrent(model, cluster.device, parts, work, share), 1.0))
    queue = (waiting - running) * work.lengths.mean / running  # decoding steps until all remaining responses run
    seconds = queue * _decode(model, cluster.device, parts, running, work.prompt + work.lengths.mean / 2, fitted)
    return (
        seconds + _drain(model, cluster.device, parts, running, work, fitted) + _prefill(model, cluster, work, fitted)
    )


def concurrent(model: ModelShape, device: Device, parts: int, work: Work, share: float = SAMPLER_SHARE) -> float:
    """Return the number of sequences of mean length that fit in the cache of a replica.

    Args:
        model: the shape of the model
        device: the GPU
        parts: GPUs per replica
        work: the lengths of prompts and responses
        share: the sampler's share of GPU memory, for weights and cache

    Returns:
        Sequences; below 1 where not even one fits.

    """
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
    """Return the seconds of prefill; each prompt is computed once for its whole group."""
    tokens = work.responses / work.group * work.prompt
    return 2 * model.active * tokens / (cluster.gpus * cluster.device.peak * fitted.compute_share)


def count_forward_flops(model: ModelShape, tokens: float, squares: float) -> float:
    """Return the floating-point operations of a forward pass.

    Args:
        model: the shape of the model
        tokens: the sum of the sequence lengths
        squares: the sum of the squared sequence lengths

    Returns:
        Operations.

    """
    return 2 * model.active * tokens + 2 * model.layers * model.query_heads * model.head_size * squares


def log_prob_seconds(model: ModelShape, cluster: Cluster, work: Work, fitted: Fitted) -> float:
    """Return the seconds to compute the old log-probs.

    Those of the reference model are added where a rule needs them.

    Args:
        model: the shape of the model
        cluster: the GPUs of the run
        work: the responses of the step
        fitted: the fitted constants

    Returns:
        Seconds.

    """
    return (1 + work.reference) * _pass(model, cluster, work, work.responses) / _rate(model, cluster, fitted)


def update_seconds(model: ModelShape, cluster: Cluster, work: Work, fitted: Fitted) -> float:
    """Return the seconds of all updates of a step.

    Args:
        model: the shape of the model
        cluster: the GPUs of the run
        work: the responses, updates and epochs of the step
        fitted: the fitted constants

    Returns:
        Seconds.

    """
    each = _pass(model, cluster, work, work.responses * work.epochs / work.updates)
    return work.updates * (3 + work.recompute) * each / _rate(model, cluster, fitted)


def _pass(model: ModelShape, cluster: Cluster, work: Work, responses: float) -> float:
    """Return the operations of the busiest GPU in a forward pass over that many responses."""
    even = count_forward_flops(
        model, responses * (work.prompt + work.lengths.mean), responses * work.lengths.square(work.prompt)
    )
    longest = work.prompt + work.lengths.longest(responses)
    return max(even / cluster.gpus, count_forward_flops(model, longest, longest**2))


def _rate(model: ModelShape, cluster: Cluster, fitted: Fitted) -> float:
    """Return the operations per second of one GPU."""
    return cluster.device.peak * fitted.compute_share * (EXPERTS_SHARE if model.experts > 1 else 1.0)


@dataclass(frozen=True, slots=True)
class StepTime:
    """The seconds of the phases of one synchronous step, with colocated sampler and trainer."""

    generation: float
    log_probs: float
    update: float
    sync: float

    @property
    def seconds(self) -> float:
        """The seconds of the whole step, with the time between phases."""
        return (self.generation + self.log_probs + self.update) * (1 + REST_SHARE) + self.sync


def estimate_step_time(
    model: ModelShape, cluster: Cluster, work: Work, share: float = SAMPLER_SHARE, fitted: Fitted = FITTED
) -> StepTime:
    """Return the expected seconds of one step, by phase.

    Args:
        model: the shape of the model
        cluster: the GPUs of the run
        work: the work of the step
        share: the sampler's share of GPU memory
        fitted: the fitted constants

    Returns:
        The seconds of each phase.

    """
    return StepTime(
        generation=generation_seconds(model, cluster, work.sampled, fitted, share),
        log_probs=log_prob_seconds(model, cluster, work, fitted),
        update=update_seconds(model, cluster, work, fitted),
        sync=HALF * model.parameters / SYNC_RATE,
    )
