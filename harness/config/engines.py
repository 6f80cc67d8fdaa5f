"""Configuration of the engines of a run, their placement, and the checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from harness.common.schema import PositiveFloat, PositiveInt

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
