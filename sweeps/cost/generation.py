r"""Seconds of sampling: a decoding step is as long as what it reads, and there are as many as the limit has tokens.

One decoding step of a replica with b running sequences of mean length c takes

.. math:: L (\tau + 2 \rho) + \sigma b
   + \frac{\max(W(b) / n B, 2 N b / n F) + b c K / n B}{\beta}

with L layers of latency :math:`\tau`, reductions :math:`\rho` where the replica is split over n GPUs, the fitted cost
:math:`\sigma` of a sequence, weights W read (those of the experts that are visited), N active parameters, K cache bytes
a token, bandwidth B, peak F, and the attained share :math:`\beta` of bandwidth: the roofline of batched decoding
(Pope et al., arXiv:2211.05102, section 2). Sequences that do not fit into the cache wait; then the batch drains as its
responses end, and the last one runs to the limit.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from sweeps.cost.constants import (
    BANDWIDTH_SHARE,
    BETWEEN_NODES,
    LAYER_SECONDS,
    REDUCE_SECONDS,
    SAMPLER_SHARE,
    SPLIT_AT,
)
from sweeps.cost.models import HALF

if TYPE_CHECKING:
    from sweeps.cost.constants import Fitted
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
