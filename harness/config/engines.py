"""Configure the engines of a run and their placement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from harness.common.schema import Count, Positive

Share = Annotated[float, Field(gt=0, lt=1)]
Dtype = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class VllmConfig:
    """Engines of vLLM, which sample."""

    engines: Count  # the prompts of a batch are spread over them
    tensor_parallel: Count  # devices of one engine
    dtype: Dtype
    gpu_memory: Share  # of each GPU's memory, weights and cache together
    cache_gb: Positive  # of keys and values, where an engine is on a CPU
    eager: bool  # neither graphs nor compilation: starts in seconds, samples slower on a GPU
    prefix_caching: bool
    sync: Literal["object_store", "nccl"]  # how weights travel from the learner
    parity_gap: Positive  # nats; the run stops where learner and engines differ by more on the same tokens


@dataclass(frozen=True, slots=True)
class DeepspeedConfig:
    """Ranks of DeepSpeed, which learn."""

    ranks: Count
    zero_stage: Literal[0, 1, 2, 3]
    dtype: Dtype
    offload: bool  # optimizer states stay in main memory


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """The engines, and what a run asks of the cluster. The resources do not name a cell."""

    engine: Literal["auto", "compact", "hf"]  # of PyTorch, where vllm and deepspeed are null
    vllm: VllmConfig | None
    deepspeed: DeepspeedConfig | None
    colocated: bool  # engines and ranks take turns on the same GPUs; else each has its own
    num_cpus: Positive  # of the whole run
    num_gpus: Annotated[float, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class CheckpointConfig:
    """What a run keeps to go on from, beside what it keeps on SIGTERM."""

    every: Annotated[int, Field(ge=0)]  # steps; 0: none
    keep: Count  # the newest ones; older ones are deleted
    export: bool  # the final weights stay, as a Hugging Face folder
