"""How an engine of vLLM is started: the environment that it reads, and what it is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from harness.engine_config import VllmConfig

_RECEIVER: Final = "harness.engines.vllm_worker.ParcelReceiver"
_STEP_TOKENS: Final = 4096  # of a forward pass on a CPU, as vLLM has it there


def prepare(path: str, config: VllmConfig, *, on_gpu: bool) -> None:
    """Set what vLLM reads from the environment of this process. Call it before vLLM is imported."""
    os.environ.update({"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1"})
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.pop("VLLM_CPU_KVCACHE_SPACE", None)  # whole gigabytes, and stronger than the setting
    if Path(path).is_dir():
        os.environ["HF_HUB_OFFLINE"] = "1"
    if config.eager and not on_gpu:
        os.environ["TORCHDYNAMO_DISABLE"] = "1"  # else ranks of tokens, which nobody reads, are compiled for 25 seconds
    if config.tensor_parallel > 1 and not on_gpu:
        os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", _cores(config.tensor_parallel))


def arguments(path: str, config: VllmConfig, max_length: int, *, on_gpu: bool, sleeps: bool) -> dict[str, Any]:
    """What ``vllm.LLM`` is called with. ``max_length`` is of prompt and response together, in tokens."""
    return {
        "model": path,
        "dtype": config.dtype,
        "max_model_len": max_length,
        "tensor_parallel_size": config.tensor_parallel,
        "distributed_executor_backend": "mp" if config.tensor_parallel > 1 else "uni",
        "enforce_eager": config.eager,
        "enable_prefix_caching": config.prefix_caching,
        "logprobs_mode": "processed_logprobs",  # of the distribution drawn from
        "skip_tokenizer_init": True,
        "generation_config": "vllm",  # not the model's own habits
        "worker_extension_cls": _RECEIVER,
        "use_tqdm_on_load": False,
        **(_of_gpu(config, sleeps=sleeps) if on_gpu else _of_cpu(config, max_length)),
    }


def _cores(workers: int) -> str:
    """A core for each worker; left alone, vLLM asks for as many memory nodes as there are workers."""
    cores = sorted(os.sched_getaffinity(0))
    return "|".join(str(cores[worker % len(cores)]) for worker in range(workers))


def _of_gpu(config: VllmConfig, *, sleeps: bool) -> dict[str, Any]:
    transfer = {"weight_transfer_config": {"backend": "nccl"}} if config.sync == "nccl" else {}
    return {"gpu_memory_utilization": config.gpu_memory, "enable_sleep_mode": sleeps, **transfer}


def _of_cpu(config: VllmConfig, max_length: int) -> dict[str, Any]:
    return {
        "kv_cache_memory_bytes": int(config.cache_gb * 2**30),
        # vLLM 0.32 draws after every part of a prompt and then takes the draw back, which a seeded generator of a CPU
        # cannot: RuntimeError: CPU Generator does not use offset.
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": max(_STEP_TOKENS, max_length),
    }
