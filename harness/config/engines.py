"""Configuration of a run's engines and checkpoints, and the placement of its processes.

This module does not need Ray.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from harness.common import PositiveFloat, PositiveInt, SchemaError

Share = Annotated[float, Field(gt=0, lt=1)]
Dtype = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class VllmConfig:
    """Settings of the vLLM engines, which generate responses."""

    engines: PositiveInt  # number of engines; the prompts of a batch are spread over them
    tensor_parallel: PositiveInt  # devices per engine
    dtype: Dtype
    gpu_memory: Share  # share of each GPU's memory for weights and cache together
    cache_gb: PositiveFloat  # KV cache in GB, where an engine runs on a CPU
    eager: bool  # no CUDA graphs or compilation: starts in seconds, generates slower on a GPU
    prefix_caching: bool
    sync: Literal["object_store", "nccl"]  # how weights travel from the learner
    parity_gap: PositiveFloat  # nats; the run stops if learner and engines differ by more on the same tokens


@dataclass(frozen=True, slots=True)
class DeepspeedConfig:
    """Settings of the DeepSpeed ranks, which train."""

    ranks: PositiveInt
    zero_stage: Literal[0, 1, 2, 3]
    dtype: Dtype
    offload: bool  # optimizer states stay in main memory


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """The engines and the resources of a run. The resources do not change the cell id."""

    engine: Literal["auto", "compact", "hf"]  # the PyTorch engine; used where vllm and deepspeed are null
    vllm: VllmConfig | None
    deepspeed: DeepspeedConfig | None
    colocated: bool  # engines and ranks take turns on the same GPUs; otherwise each has its own
    num_cpus: PositiveFloat  # CPU cores of the whole run
    num_gpus: Annotated[float, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class CheckpointConfig:
    """When a run writes checkpoints, in addition to the one on SIGTERM."""

    every: Annotated[int, Field(ge=0)]  # steps between checkpoints; 0: none
    keep: PositiveInt  # number of newest checkpoints to keep; older ones are deleted
    export: bool  # keep the final weights as a Hugging Face folder


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
