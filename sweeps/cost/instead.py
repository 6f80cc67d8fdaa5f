"""What would fit in place of what does not: the nearest other settings, more of the same GPUs, GPUs of another kind."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from sweeps.cost.generation import split
from sweeps.cost.hardware import DEVICES, Cluster
from sweeps.cost.proposal import Other
from sweeps.cost.setup import Asked, divided, resized, sized

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.engine_config import BackendConfig
    from sweeps.cost.models import ModelShape

_LARGEST: Final = 64  # GPUs, of what is proposed
_SHARES: Final = tuple(percent / 100 for percent in range(5, 100, 5))  # of gpu_memory
_STAGES: Final = (1, 2, 3)


@cache  # many cells of a grid differ in their rule alone
def instead(model: ModelShape, part: Cluster, said: Asked) -> tuple[str, ...]:
    """In words, the nearest of each kind that fits. ``said``: as the run has it, whatever GPUs there are."""
    wanted = sized(said, part)
    kinds = _settings(part, wanted), _more(model, part, wanted), _others(part, wanted)
    found = (_first(model, others) for others in kinds)
    return tuple(other.words(part, said) for other in found if other)


def _first(model: ModelShape, others: Iterable[Other]) -> Other | None:
    return next((other for other in others if other.fits(model)), None)


def _settings(part: Cluster, wanted: Asked) -> Iterator[Other]:
    """On the same GPUs: one setting, then two of them."""
    yield from (Other(part, other) for other in _changed(wanted))
    yield from (Other(part, other) for first in _spread(wanted) for other in _changed(first))


def _changed(wanted: Asked) -> Iterator[Asked]:
    """Another setting, those that cost least first."""
    yield from _shares(wanted)
    if not wanted.recompute:
        yield replace(wanted, recompute=True)
    if wanted.longest < wanted.micro_batch:
        yield replace(wanted, micro_batch=max(wanted.micro_batch // 2, wanted.longest))
        yield replace(wanted, micro_batch=wanted.longest)
    yield from _spread(wanted)
    yield from _split(wanted)


def _shares(wanted: Asked) -> Iterator[Asked]:
    engines = wanted.engines
    if engines is not None:
        for share in sorted(_SHARES, key=lambda share: abs(share - engines.gpu_memory)):
            yield _with(wanted, replace(wanted.backend, vllm=replace(engines, gpu_memory=share)))


def _spread(wanted: Asked) -> Iterator[Asked]:
    """A higher stage, and states in main memory."""
    ranks = wanted.backend.deepspeed
    if wanted.engines is None or ranks is None:
        return
    for stage in _STAGES:
        if stage > ranks.zero_stage and ranks.ranks > 1:
            yield _with(wanted, replace(wanted.backend, deepspeed=replace(ranks, zero_stage=stage)))
    if ranks.zero_stage and not ranks.offload:
        yield _with(wanted, replace(wanted.backend, deepspeed=replace(ranks, offload=True)))


def _split(wanted: Asked) -> Iterator[Asked]:
    """Fewer engines of more GPUs each, where they have their own."""
    engines = wanted.engines
    if engines and not wanted.backend.colocated and engines.engines % 2 == 0:
        fewer = replace(engines, engines=engines.engines // 2, tensor_parallel=2 * engines.tensor_parallel)
        yield _with(wanted, replace(wanted.backend, vllm=fewer))


def _more(model: ModelShape, part: Cluster, wanted: Asked) -> Iterator[Other]:
    """Twice as many GPUs and so on, shared as they are now, or with engines apart from ranks."""
    if wanted.engines and wanted.backend.deepspeed is None:
        return
    gpus = 2 * part.gpus
    while gpus <= _LARGEST:
        per_node = min(gpus, part.device.node)
        cluster, backend = Cluster(-(-gpus // per_node), per_node, part.device), resized(wanted.backend, gpus)
        yield Other(cluster, _with(wanted, backend))
        if wanted.engines and backend.colocated:
            yield Other(cluster, _with(wanted, _apart(backend, split(model, part.device))))
        gpus *= 2


def _apart(backend: BackendConfig, parts: int) -> BackendConfig:
    """Half of the GPUs for ranks, and half for engines that are split over some."""
    half = int(backend.num_gpus) // 2
    return divided(backend, half, max(half // parts, 1), min(parts, half), colocated=False)


def _others(part: Cluster, wanted: Asked) -> Iterator[Other]:
    """As many GPUs with more memory, the smallest first; with another share for the sampler if need be."""
    larger = (device for device in DEVICES.values() if device.memory > part.device.memory)
    for device in sorted(larger, key=lambda device: device.memory):
        cluster = Cluster(part.nodes, part.per_node, device)
        yield Other(cluster, wanted)
        yield from (Other(cluster, other) for other in _shares(wanted))


def _with(wanted: Asked, backend: BackendConfig) -> Asked:
    return replace(wanted, backend=backend)
