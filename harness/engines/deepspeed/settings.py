"""DeepSpeed's settings for a run. This module does not import DeepSpeed."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from harness.common import SchemaError, format_setup_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.config import BackendConfig, ExperimentConfig

_BUCKET: Final = 500_000_000  # gradient elements of a bucket; DeepSpeed's default for large models


def refuse_deepspeed(config: ExperimentConfig) -> None:
    """Raise SchemaError where the ranks cannot do what the settings ask, before any rank starts.

    A minibatch with fewer samples than ranks is allowed: some ranks then read blank rows.
    """
    problem = next(_problems(config.backend), None)
    if problem:
        raise SchemaError(problem)


def _problems(backend: BackendConfig) -> Iterator[str]:
    chosen = backend.deepspeed
    if chosen is None:
        return
    if chosen.zero_stage == 0 and chosen.dtype == "bfloat16":
        yield (
            "backend.deepspeed.zero_stage: without ZeRO, DeepSpeed accumulates gradients in bfloat16; set it to 1, "
            "2 or 3, or backend.deepspeed.dtype=float32"
        )
    if chosen.offload and not backend.num_gpus:
        yield "backend.deepspeed.offload: without GPUs, optimizer states are in main memory already; set it to false"
    if chosen.offload and chosen.zero_stage == 0:
        yield "backend.deepspeed.offload: only ZeRO can offload optimizer states; set zero_stage to 1, 2 or 3"
    if find_spec("deepspeed") is None:
        extra = "gpu" if backend.num_gpus else "cpu_engines"
        yield f"backend.deepspeed: DeepSpeed is not installed; {format_setup_command(extra)}, or backend.deepspeed=null"


def build_training_settings(config: ExperimentConfig, parameters: int, hidden: int) -> dict[str, Any]:
    """Return DeepSpeed's settings for the policy.

    Micro-batches are handled here: DeepSpeed sees each update as one micro-batch that is passed in parts.

    Args:
        config: The run's configuration.
        parameters: Number of parameters of the model.
        hidden: Width of the hidden states.

    Returns:
        DeepSpeed's configuration.

    """
    assert config.backend.deepspeed is not None
    chosen = config.backend.deepspeed
    return {
        **_plain(chosen.dtype),
        # At stage 0 the learner clips, because DeepSpeed would not return the norm.
        "gradient_clipping": config.optim.max_grad_norm if chosen.zero_stage else 0.0,
        "data_types": {"grad_accum_dtype": "fp32"},
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,  # it would have to be compiled
        "zero_optimization": {
            "stage": chosen.zero_stage,
            "reduce_bucket_size": min(_BUCKET, parameters),
            "allgather_bucket_size": min(_BUCKET, parameters),
            **_spread(hidden),
            **({"offload_optimizer": {"device": "cpu", "pin_memory": True}} if chosen.offload else {}),
        },
    }


def build_reference_settings(config: ExperimentConfig, hidden: int) -> dict[str, Any]:
    """Return DeepSpeed's settings for a reference model that is partitioned over the ranks."""
    assert config.backend.deepspeed is not None
    return {**_plain(config.backend.deepspeed.dtype), "zero_optimization": {"stage": 3, **_spread(hidden)}}


def _plain(dtype: str) -> dict[str, Any]:
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "steps_per_print": sys.maxsize,
        "bf16": {"enabled": dtype == "bfloat16"},
    }


def _spread(hidden: int) -> dict[str, Any]:
    """Return the ZeRO-3 setting that keeps norms and biases whole.

    Gathering them would cost more than storing them on every rank.
    """
    return {"stage3_param_persistence_threshold": 10 * hidden}
