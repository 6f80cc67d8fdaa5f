"""Placement of a run's processes: bundles of CPUs and GPUs, and who shares them.

This module does not need Ray.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.common.schema import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.config.engines import BackendConfig


@dataclass(frozen=True, slots=True)
class ProcessPlace:
    """A process's share of a bundle."""

    bundle: int
    cpus: float
    gpus: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The resources that a run requests from a cluster.

    Each bundle is on one node. The controller requests nothing more.
    """

    bundles: tuple[dict[str, float], ...]
    engines: tuple[ProcessPlace, ...] = ()
    ranks: tuple[ProcessPlace, ...] = ()
    controller: ProcessPlace = ProcessPlace(0, 0.0, 0.0)  # it has GPUs only where it trains

    def total(self, resource: str) -> float:
        """Return the total of a resource, "CPU" or "GPU", over all bundles."""
        return sum(bundle.get(resource, 0.0) for bundle in self.bundles)


def plan_layout(backend: BackendConfig) -> Layout:
    """Return the placement of a run's processes.

    Raises SchemaError where engines, ranks and GPUs do not match.
    """
    if not (backend.vllm or backend.deepspeed):
        return Layout((_bundle(backend.num_cpus, backend.num_gpus),))
    _refuse(backend)
    found = _taking_turns(backend) if backend.colocated else _apart(backend)
    return found if backend.deepspeed else replace(found, ranks=(), controller=found.ranks[0])


def _refuse(backend: BackendConfig) -> None:
    problem = next(_problems(backend), None)
    if problem:
        raise SchemaError(problem)


def _problems(backend: BackendConfig) -> Iterator[str]:
    if backend.vllm is None:
        yield "backend.deepspeed: only vLLM samples from its weights; set backend.vllm too, or backend.deepspeed=null"
        return
    ranks, devices = _ranks(backend), backend.vllm.engines * backend.vllm.tensor_parallel
    if backend.num_gpus and backend.num_gpus != (
        wanted := max(ranks, devices) if backend.colocated else ranks + devices
    ):
        yield (
            f"backend.num_gpus={backend.num_gpus:g}: {ranks} learners and {devices} devices of engines need {wanted} "
            f"with backend.colocated={str(backend.colocated).lower()}"
        )
    if backend.colocated and backend.num_gpus and backend.vllm.tensor_parallel > 1:
        yield (
            f"backend.colocated: an engine over {backend.vllm.tensor_parallel} GPUs cannot share them; set "
            "vllm.tensor_parallel=1, or backend.colocated=false with GPUs for both"
        )
    if backend.vllm.sync == "nccl" and not (backend.num_gpus and backend.deepspeed):
        yield "vllm.sync: NCCL needs GPUs for DeepSpeed's ranks and for the engines; set it to object_store"
    if backend.colocated and backend.vllm.sync == "nccl":
        yield (
            "vllm.sync: NCCL cannot connect two processes on one GPU; set it to object_store, or "
            "backend.colocated=false"
        )
    if backend.colocated and backend.num_gpus and ranks != devices:
        yield (
            f"backend.colocated: {ranks} learners and {devices} devices of engines cannot take turns on the same GPUs; "
            "make vllm.engines equal to deepspeed.ranks, or set backend.colocated=false"
        )


def _ranks(backend: BackendConfig) -> int:
    """Return the number of training processes; without DeepSpeed only the controller trains."""
    return backend.deepspeed.ranks if backend.deepspeed else 1


def _taking_turns(backend: BackendConfig) -> Layout:
    """Return one bundle per device; an engine and a rank each take half of it."""
    assert backend.vllm is not None
    ranks, engines = _ranks(backend), backend.vllm.engines
    count = max(ranks, engines)
    cpus, gpus = backend.num_cpus / count, float(backend.num_gpus > 0)
    halves = [ProcessPlace(index, cpus / 2, gpus / 2) for index in range(count)]
    return Layout((_bundle(cpus, gpus),) * count, tuple(halves[:engines]), tuple(halves[:ranks]))


def _apart(backend: BackendConfig) -> Layout:
    """Return one bundle per rank, then one bundle per engine with all its devices."""
    assert backend.vllm is not None
    ranks, engines = _ranks(backend), backend.vllm.engines
    cpus, gpus = backend.num_cpus / (ranks + engines), float(backend.num_gpus > 0)
    devices = gpus * backend.vllm.tensor_parallel
    bundles = (_bundle(cpus, gpus),) * ranks + (_bundle(cpus, devices),) * engines
    return Layout(
        bundles,
        tuple(ProcessPlace(ranks + index, cpus, devices) for index in range(engines)),
        tuple(ProcessPlace(index, cpus, gpus) for index in range(ranks)),
    )


def _bundle(cpus: float, gpus: float) -> dict[str, float]:
    return {"CPU": cpus, "GPU": gpus} if gpus else {"CPU": cpus}
