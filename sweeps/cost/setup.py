"""The division of GPUs and memory among a run's engines.

*Bytes of weights, gradients and optimizer moments per rank.* For N bfloat16 parameters on n ranks, Rajbhandari et al.
(arXiv:1910.02054, section 3.1) count 16 N bytes at stage 0, and :math:`4 N + 12 N / n`, :math:`2 N + 14 N / n` and
:math:`16 N / n` at stages 1, 2 and 3. Ours are larger: ``harness.engines.deepspeed.settings`` accumulates gradients in
float32, DeepSpeed 0.19 copies float32 weights before training, and stage 1 keeps all gradients until the step. The
numbers here are those of two ranks on a CPU (``tests/sweeps/cost/test_states.py`` counts them); those for offload are
read from DeepSpeed's source.

The division follows the run's own settings, or assumptions where the run has no engines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from harness.config import BackendConfig, Dtype
from sweeps.cost.inputs import HALF
from sweeps.cost.step_time import count_replica_gpus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.config import DeepspeedConfig, ExperimentConfig, VllmConfig
    from sweeps.cost.inputs import Cluster, ModelShape


SIZES: Final[Mapping[str, int]] = {"bfloat16": 2, "float32": 4}  # bytes per number
BUCKET: Final = 500_000_000  # largest number of gradients per reduction
SUB_GROUP: Final = 1_000_000_000  # largest number of parameters per part of a stage 3 step
PAPER: Final = 16.0  # bytes per parameter, summed over all ranks


@dataclass(frozen=True, slots=True)
class RankMemory:
    """The bytes per parameter: those that every rank holds, and those that the ranks share."""

    whole: float
    shared: float

    def of(self, parameters: float, ranks: int) -> float:
        """Return the bytes of one rank."""
        return parameters * (self.whole + self.shared / ranks)


@dataclass(frozen=True, slots=True)
class States:
    """The bytes of one rank in the phases of a step.

    They are those during passes, those between updates, and those that only the optimizer step adds.
    """

    updating: float
    resting: float
    stepping: float = 0.0


# By dtype and stage: during passes, and between updates. DeepSpeed's stage 0 in bfloat16 is refused elsewhere.
_RANKS: Final[Mapping[tuple[str, int], tuple[RankMemory, RankMemory]]] = {
    ("bfloat16", 0): (RankMemory(20, 0), RankMemory(14, 0)),
    ("bfloat16", 1): (RankMemory(8, 12), RankMemory(6, 12)),
    ("bfloat16", 2): (RankMemory(2, 16), RankMemory(2, 12)),
    ("bfloat16", 3): (RankMemory(0, 18), RankMemory(0, 18)),
    ("float32", 0): (RankMemory(16, 0), RankMemory(12, 0)),
    ("float32", 1): (RankMemory(8, 12), RankMemory(4, 12)),
    ("float32", 2): (RankMemory(4, 16), RankMemory(4, 12)),
    ("float32", 3): (RankMemory(0, 20), RankMemory(0, 20)),
}

# The same with optimizer states in main memory: weights, and gradients until they are copied there.
_OFFLOADED: Final[Mapping[tuple[str, int], RankMemory]] = {
    ("bfloat16", 1): RankMemory(8, 0),
    ("bfloat16", 2): RankMemory(2, 4),
    ("bfloat16", 3): RankMemory(0, 2),
    ("float32", 1): RankMemory(8, 0),
    ("float32", 2): RankMemory(4, 4),
    ("float32", 3): RankMemory(0, 4),
}

_ALONE: Final[Mapping[str, RankMemory]] = {
    "bfloat16": RankMemory(18, 0),
    "float32": RankMemory(16, 0),
}  # ``harness.engines.base.optimizer_state``


def count_rank_bytes(chosen: DeepspeedConfig, parameters: int) -> States:
    """Return the bytes of a DeepSpeed rank, with the bucket of gradients.

    Stage 3 never frees the bucket.
    """
    key = chosen.dtype, chosen.zero_stage
    during, between = (_OFFLOADED[key],) * 2 if chosen.offload and chosen.zero_stage else _RANKS[key]
    bucket = SIZES[chosen.dtype] * min(BUCKET, parameters)
    copied = 0.0 if chosen.offload or chosen.zero_stage < 3 else 4.0 * min(SUB_GROUP, parameters / chosen.ranks)
    return States(
        updating=during.of(parameters, chosen.ranks) + bucket,
        resting=between.of(parameters, chosen.ranks) + bucket * (chosen.zero_stage == 3),
        stepping=copied,
    )


def count_process_bytes(dtype: Dtype, parameters: int) -> States:
    """Return the bytes of a learner with one process."""
    held = _ALONE[dtype].of(parameters, 1)
    return States(held, held)


def count_assumed_bytes(parameters: int, gpus: int) -> States:
    """Return the assumed bytes of a run without GPU engines: stage 3 of the paper."""
    held = PAPER * parameters / gpus
    return States(held, held)


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
