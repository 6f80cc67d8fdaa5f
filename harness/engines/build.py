"""Construction of sampler and learner from the configured backend and the type of the model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from harness.common import SchemaError, keep_freed_memory
from harness.config import read_loaded_positions, refuse_short_window
from harness.engines.actor_pool import acquire_actors
from harness.engines.base import Vocabulary
from harness.engines.deepspeed import refuse_deepspeed
from harness.engines.qwen3 import CompactSampler, is_supported, score_samples_compact
from harness.engines.torch import TorchLearner, score_samples_hf, validate_model_support
from harness.engines.vllm import VllmSampler, refuse_missing_vllm
from harness.models import (
    BUILTIN_PREFIX,
    NO_END,
    collect_end_ids,
    load_embedded,
    load_model,
    load_outline,
    load_tokenizer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.config import ExperimentConfig
    from harness.engines.base import Learner, Sampler


def build_engines(config: ExperimentConfig) -> tuple[Sampler, Learner, Any]:
    """Return sampler, learner and tokenizer of a run, with the model's weights loaded.

    Raises SchemaError or ModelError for settings that the model or the machine does not support.
    """
    if config.backend.vllm is None:
        model, tokenizer = _model(config)
        return *build_torch_engines(model, tokenizer, config), tokenizer
    refuse_uninstalled(config)
    tokenizer, words = _words(config)
    pool = acquire_actors(config)
    sampler = VllmSampler(pool.engines, words, pool.restart, nccl=config.backend.vllm.sync == "nccl")
    sampler.sleep()  # while a rank loads, it holds the whole model
    learner = _spread(pool.ranks, config) if config.backend.deepspeed else build_learner(_model(config)[0], config)
    sampler.update_weights(learner.weights())
    return sampler, learner, tokenizer


def build_sampler_alone(config: ExperimentConfig) -> Sampler:
    """Return a sampler without a learner. Raises the same errors as ``build_engines``."""
    if config.backend.vllm is None:
        return build_sampler(*_model(config), config)
    refuse_uninstalled(config)
    _, words = _words(config)
    pool = acquire_actors(config, learns=False)
    return VllmSampler(pool.engines, words, pool.restart)


def build_torch_engines(model: Any, tokenizer: Any, config: ExperimentConfig) -> tuple[Sampler, Learner]:
    """Return PyTorch engines that share one module, so that the weight sync costs nothing.

    Args:
        model: A causal model of transformers, or an embedded one.
        tokenizer: The model's tokenizer.
        config: The run's configuration.

    Returns:
        Sampler and learner.

    Raises:
        SchemaError: The settings ask for what the model or the machine cannot do.
        ModelError: The model cannot be scored.

    """
    model = _placed(model, config).eval()
    return build_sampler(model, tokenizer, config), build_learner(model, config)


def build_learner(model: Any, config: ExperimentConfig) -> Learner:
    """Return a learner in this process. Raises SchemaError or ModelError as ``build_torch_engines``."""
    model = _placed(model, config).eval()
    validate_model_support(model, config)
    scorer = partial(
        score_samples_compact if _is_compact(model, config) else score_samples_hf,
        recompute=config.optim.gradient_checkpointing,
    )
    return TorchLearner(model, config.optim, config.rollout.temperature, scorer, config.update_rule().needs)


def build_sampler(model: Any, tokenizer: Any, config: ExperimentConfig) -> Sampler:
    """Return a sampler in this process.

    Args:
        model: A causal model of transformers, or an embedded one.
        tokenizer: The model's tokenizer.
        config: The run's configuration.

    Returns:
        The compact sampler where the model and the settings allow it, else that of transformers.

    Raises:
        SchemaError: The settings ask for what the model or the machine cannot do.
        ModelError: The model cannot be scored.

    """
    model = _placed(model, config).eval()
    compact = _is_compact(model, config)
    validate_model_support(model, config)
    if compact:
        keep_freed_memory()
    words = build_vocabulary(model, tokenizer)
    if compact:
        return CompactSampler(model, words.eos_ids, words.pad_id, words.decode_text)
    from harness.engines.torch import HfSampler  # noqa: PLC0415 - imports transformers

    return HfSampler(model, words.eos_ids, words.pad_id, words.decode_text)


def build_vocabulary(model: Any, tokenizer: Any) -> Vocabulary:
    """Return what a sampler needs of the tokenizer and of the model or its outline.

    Raises SchemaError where neither names a token that ends a response.
    """
    ends = collect_end_ids(model, tokenizer)
    if not ends:
        raise SchemaError(f"model.path: {NO_END}")
    pad_id = ends[0] if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    return Vocabulary(ends, pad_id, partial(tokenizer.batch_decode, skip_special_tokens=True))


def refuse_uninstalled(config: ExperimentConfig) -> None:
    """Raise SchemaError where an engine is not installed or cannot do what the settings ask."""
    if config.backend.vllm:
        refuse_missing_vllm()
    refuse_deepspeed(config)


def _words(config: ExperimentConfig) -> tuple[Any, Vocabulary]:
    """Return the tokenizer and the vocabulary for engines in other processes, before they start."""
    path = config.model.path
    tokenizer, outline = load_tokenizer(path), load_outline(path)
    refuse_short_window(config.limits, read_loaded_positions(outline.config), f"model.path {path!r}")
    return tokenizer, build_vocabulary(outline, tokenizer)


def _spread(ranks: Sequence[Any], config: ExperimentConfig) -> Learner:
    from harness.engines.deepspeed import DeepspeedLearner  # noqa: PLC0415 - imports Ray

    return DeepspeedLearner(ranks, config)


def _model(config: ExperimentConfig) -> tuple[Any, Any]:
    path, dtype = config.model.path, getattr(torch, config.model.dtype)
    if path.startswith(BUILTIN_PREFIX) and dtype == torch.float32 and config.backend.engine != "hf" and _on_cpu(config):
        return load_embedded(path), load_tokenizer(
            path
        )  # importing transformers takes more CPU time than the first step
    return load_model(path, dtype)


def _on_cpu(config: ExperimentConfig) -> bool:
    return not config.backend.num_gpus


def _is_compact(model: Any, config: ExperimentConfig) -> bool:
    return is_supported(model) if config.backend.engine == "auto" else config.backend.engine == "compact"


def _placed(model: Any, config: ExperimentConfig) -> Any:
    """Move the model to the GPU where the backend asks for one.

    Raises SchemaError where PyTorch sees no GPU.
    """
    if _on_cpu(config):
        return model
    if not torch.cuda.is_available():
        raise SchemaError(f"backend.num_gpus={config.backend.num_gpus:g}, but torch sees no GPU; set it to 0")
    return model.to("cuda")
