"""The division of GPUs and memory among a run's engines.

It follows the run's own settings, or assumptions where the run has no engines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.config.engines import BackendConfig, Dtype
from sweeps.cost.models import HALF
from sweeps.cost.states import SIZES, States, count_assumed_bytes, count_process_bytes, count_rank_bytes
from sweeps.cost.step_time import count_replica_gpus

if TYPE_CHECKING:
    from harness.config.engines import VllmConfig
    from harness.config.experiment import ExperimentConfig
    from sweeps.cost.hardware import Cluster
    from sweeps.cost.models import ModelShape


@dataclass(frozen=True, slots=True)
class ResourceRequest:
    """The settings of a run that decide its memory, besides the model and the GPUs."""

    backend: BackendConfig
    dtype: Dtype  # dtype of a learner with one process
    reference: bool  # the rule needs a frozen copy of the weights
    micro_batch: int  # tokens per micro-batch
    longest: int  # tokens of the longest prompt with its response, which one forward pass takes
    recompute: bool

    @property
    def tokens(self) -> int:
        """The tokens of the largest forward pass; a micro-batch has at least one sequence."""
        return max(self.micro_batch, self.longest)

    @property
    def engines(self) -> VllmConfig | None:
        """The sampling engines on GPUs, or None."""
        return self.backend.vllm if self.backend.num_gpus else None


@dataclass(frozen=True, slots=True)
class EngineSetup:
    """The bytes of one GPU that follow from the engines, and the GPUs of a sampler's replica."""

    states: States
    reference: float
    number: int  # bytes per number in training
    gathered: bool  # weights are partitioned, and layers are gathered
    parts: int  # GPUs per replica of the sampler
    served: float  # bytes of a replica's weights
    share: float | None  # fixed share of each of its GPUs; None: the rest of the memory, up to the usual share
    apart: bool  # sampler and trainer have separate GPUs


def resource_request(config: ExperimentConfig) -> ResourceRequest:
    """Return the request of a run's settings."""
    optim, rollout = config.optim, config.rollout
    return ResourceRequest(
        backend=config.backend,
        dtype=config.model.dtype,
        reference="ref_log_probs" in config.update_rule().needs,
        micro_batch=optim.micro_batch_tokens,
        longest=rollout.max_prompt_length + rollout.max_response_length,
        recompute=optim.gradient_checkpointing,
    )


def plan_setup(model: ModelShape, cluster: Cluster, wanted: ResourceRequest) -> EngineSetup:
    """Return the engine setup of a run on all GPUs of a cluster.

    Args:
        model: the shape of the model
        cluster: the GPUs of the run
        wanted: the settings of the run

    Returns:
        The setup that the run states, or the usual one.

    """
    return _stated(model, wanted, wanted.engines) if wanted.engines else assume_setup(model, cluster, wanted.reference)


def assume_setup(model: ModelShape, cluster: Cluster, reference: bool = False) -> EngineSetup:
    """Return the setup that is assumed for a run without engines.

    It is ZeRO stage 3 over all GPUs in bfloat16. The sampler uses the same GPUs in turns, and its share shrinks as
    needed.

    Args:
        model: the shape of the model
        cluster: the GPUs of the run
        reference: the rule needs a reference model

    Returns:
        The setup.

    """
    parts = min(count_replica_gpus(model, cluster.device), cluster.gpus)
    held = HALF * model.parameters
    return EngineSetup(
        states=count_assumed_bytes(model.parameters, cluster.gpus),
        reference=held / cluster.gpus * reference,
        number=HALF,
        gathered=True,
        parts=parts,
        served=held,
        share=None,
        apart=False,
    )


def _stated(model: ModelShape, wanted: ResourceRequest, engines: VllmConfig) -> EngineSetup:
    ranks, parameters = wanted.backend.deepspeed, model.parameters
    number = SIZES[ranks.dtype if ranks else wanted.dtype]
    copy = float(number * parameters * wanted.reference)
    spread = ranks is not None and ranks.zero_stage == 3
    return EngineSetup(
        states=count_rank_bytes(ranks, parameters) if ranks else count_process_bytes(wanted.dtype, parameters),
        reference=copy / ranks.ranks if ranks and spread else copy,
        number=number,
        gathered=spread,
        parts=engines.tensor_parallel,
        served=SIZES[engines.dtype] * parameters,
        share=engines.gpu_memory,
        apart=not wanted.backend.colocated,
    )


def resize_backend(backend: BackendConfig, gpus: int) -> BackendConfig:
    """Return the backend for another number of GPUs, with ranks and engines in proportion.

    A learner of one process keeps its one GPU.
    """
    engines, ranks = backend.vllm, backend.deepspeed
    if engines is None or ranks is None or not backend.num_gpus or gpus == backend.num_gpus:
        return backend
    learning = gpus if backend.colocated else max(round(gpus * ranks.ranks / backend.num_gpus), 1)
    sampling = gpus if backend.colocated else max((gpus - learning) // engines.tensor_parallel, 1)
    return divide_backend(backend, learning, sampling, engines.tensor_parallel, backend.colocated)


def resize_request(said: ResourceRequest, part: Cluster) -> ResourceRequest:
    """Return the request for a part of a cluster.

    With fewer GPUs than the run asks for, the request is for a smaller run.
    """
    return replace(said, backend=resize_backend(said.backend, part.gpus))


def divide_backend(backend: BackendConfig, ranks: int, engines: int, parts: int, colocated: bool) -> BackendConfig:
    """Return the backend with given numbers of ranks and engines.

    Args:
        backend: the backend, with vLLM and DeepSpeed
        ranks: number of DeepSpeed ranks
        engines: number of vLLM engines
        parts: GPUs per engine
        colocated: ranks and engines share the GPUs

    Returns:
        The changed backend.

    """
    assert backend.vllm is not None
    assert backend.deepspeed is not None
    return replace(
        backend,
        colocated=colocated,
        num_gpus=float(ranks if colocated else ranks + engines * parts),
        vllm=replace(backend.vllm, engines=engines, tensor_parallel=parts),
        deepspeed=replace(backend.deepspeed, ranks=ranks),
    )
