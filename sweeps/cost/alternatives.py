"""Suggest alternatives to a configuration that does not fit in GPU memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from sweeps.cost.inputs import DEVICES, Cluster
from sweeps.cost.memory import estimate_memory, explain_unfit
from sweeps.cost.setup import ResourceRequest, divide_backend, plan_setup, resize_backend, resize_request
from sweeps.cost.step_time import count_replica_gpus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.config import BackendConfig
    from sweeps.cost.inputs import ModelShape


@dataclass(frozen=True, slots=True)
class ConfigOption:
    """An alternative to a configuration: other settings, other GPUs, or both."""

    cluster: Cluster
    wanted: ResourceRequest

    def fits(self, model: ModelShape) -> bool:
        """Return True if the model fits in GPU memory with this option."""
        set_up = plan_setup(model, self.cluster, self.wanted)
        held = estimate_memory(model, self.cluster, self.wanted.tokens, self.wanted.recompute, set_up)
        return explain_unfit(held, self.wanted.longest) is None

    def words(self, part: Cluster, said: ResourceRequest) -> str:
        """Return the GPUs and settings of the option that differ from ``part`` and from the run."""
        changes = ", ".join(_changes(said, self.wanted))
        if self.cluster == part:
            return changes
        return f"{self.cluster} with {changes}" if changes else str(self.cluster)


def _changes(said: ResourceRequest, other: ResourceRequest) -> Iterator[str]:
    old, new = _named(said), _named(other)
    yield from (f"{name}={value}" for name, value in new.items() if value != old[name])


def _named(wanted: ResourceRequest) -> dict[str, str]:
    """Return the settings that an option may change, in the form of the command line."""
    backend, engines, ranks = wanted.backend, wanted.backend.vllm, wanted.backend.deepspeed
    named: dict[str, object] = {
        "optim.gradient_checkpointing": str(wanted.recompute).lower(),
        "optim.micro_batch_tokens": wanted.micro_batch,
        "backend.num_gpus": f"{backend.num_gpus:g}",
        "backend.colocated": str(backend.colocated).lower(),
    }
    if engines:
        named |= {
            "backend.vllm.engines": engines.engines,
            "backend.vllm.tensor_parallel": engines.tensor_parallel,
            "backend.vllm.gpu_memory": f"{engines.gpu_memory:g}",
        }
    if ranks:
        named |= {
            "backend.deepspeed.ranks": ranks.ranks,
            "backend.deepspeed.zero_stage": ranks.zero_stage,
            "backend.deepspeed.offload": str(ranks.offload).lower(),
        }
    return {name: str(value) for name, value in named.items()}


_LARGEST: Final = 64  # largest number of GPUs to propose
_SHARES: Final = tuple(percent / 100 for percent in range(5, 100, 5))  # values of gpu_memory to try
_STAGES: Final = (1, 2, 3)


@cache  # many cells of a grid differ only in their rule
def suggest_alternatives(model: ModelShape, part: Cluster, said: ResourceRequest) -> tuple[str, ...]:
    """Return the nearest alternatives that fit, one of each kind, in words.

    Args:
        model: the shape of the model
        part: the GPUs of the run
        said: the settings of the run, for the number of GPUs that it asks for

    Returns:
        Up to three alternatives: other settings on the same GPUs, more GPUs, or GPUs with more memory.

    """
    wanted = resize_request(said, part)
    kinds = _settings(part, wanted), _more(model, part, wanted), _others(part, wanted)
    found = (_first(model, others) for others in kinds)
    return tuple(other.words(part, said) for other in found if other)


def _first(model: ModelShape, others: Iterable[ConfigOption]) -> ConfigOption | None:
    return next((other for other in others if other.fits(model)), None)


def _settings(part: Cluster, wanted: ResourceRequest) -> Iterator[ConfigOption]:
    """Yield options on the same GPUs: first those with one other setting, then with two."""
    yield from (ConfigOption(part, other) for other in _changed(wanted))
    yield from (ConfigOption(part, other) for first in _spread(wanted) for other in _changed(first))


def _changed(wanted: ResourceRequest) -> Iterator[ResourceRequest]:
    """Yield requests with one other setting, the cheapest first."""
    yield from _shares(wanted)
    if not wanted.recompute:
        yield replace(wanted, recompute=True)
    if wanted.longest < wanted.micro_batch:
        yield replace(wanted, micro_batch=max(wanted.micro_batch // 2, wanted.longest))
        yield replace(wanted, micro_batch=wanted.longest)
    yield from _spread(wanted)
    yield from _split(wanted)


def _shares(wanted: ResourceRequest) -> Iterator[ResourceRequest]:
    engines = wanted.engines
    if engines is not None:
        for share in sorted(_SHARES, key=lambda share: abs(share - engines.gpu_memory)):
            yield replace(wanted, backend=replace(wanted.backend, vllm=replace(engines, gpu_memory=share)))


def _spread(wanted: ResourceRequest) -> Iterator[ResourceRequest]:
    """Yield requests with a higher ZeRO stage, or with optimizer states in main memory."""
    ranks = wanted.backend.deepspeed
    if wanted.engines is None or ranks is None:
        return
    for stage in _STAGES:
        if stage > ranks.zero_stage and ranks.ranks > 1:
            yield replace(wanted, backend=replace(wanted.backend, deepspeed=replace(ranks, zero_stage=stage)))
    if ranks.zero_stage and not ranks.offload:
        yield replace(wanted, backend=replace(wanted.backend, deepspeed=replace(ranks, offload=True)))


def _split(wanted: ResourceRequest) -> Iterator[ResourceRequest]:
    """Yield a request with half as many engines of twice as many GPUs.

    It applies only where engines have their own GPUs.
    """
    engines = wanted.engines
    if engines and not wanted.backend.colocated and engines.engines % 2 == 0:
        fewer = replace(engines, engines=engines.engines // 2, tensor_parallel=2 * engines.tensor_parallel)
        yield replace(wanted, backend=replace(wanted.backend, vllm=fewer))


def _more(model: ModelShape, part: Cluster, wanted: ResourceRequest) -> Iterator[ConfigOption]:
    """Yield options with 2, 4, ... times as many GPUs, divided as now or with separate engines."""
    if wanted.engines and wanted.backend.deepspeed is None:
        return
    gpus = 2 * part.gpus
    while gpus <= _LARGEST:
        per_node = min(gpus, part.device.node)
        cluster, backend = Cluster(-(-gpus // per_node), per_node, part.device), resize_backend(wanted.backend, gpus)
        yield ConfigOption(cluster, replace(wanted, backend=backend))
        if wanted.engines and backend.colocated:
            yield ConfigOption(
                cluster, replace(wanted, backend=_apart(backend, count_replica_gpus(model, part.device)))
            )
        gpus *= 2


def _apart(backend: BackendConfig, parts: int) -> BackendConfig:
    """Return half of the GPUs for ranks, and half for engines that span ``parts`` GPUs each."""
    half = int(backend.num_gpus) // 2
    return divide_backend(backend, half, max(half // parts, 1), min(parts, half), colocated=False)


def _others(part: Cluster, wanted: ResourceRequest) -> Iterator[ConfigOption]:
    """Yield options with as many GPUs of a kind with more memory, the smallest first.

    Each is also tried with other memory shares of the sampler.
    """
    larger = (device for device in DEVICES.values() if device.memory > part.device.memory)
    for device in sorted(larger, key=lambda device: device.memory):
        cluster = Cluster(part.nodes, part.per_node, device)
        yield ConfigOption(cluster, wanted)
        yield from (ConfigOption(cluster, other) for other in _shares(wanted))
