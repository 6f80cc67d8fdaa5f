"""The two engines of a run, chosen by what the model is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from harness.engines.compact_sampler import CompactSampler
from harness.engines.demands import refuse_unmet
from harness.engines.hf_sampler import HfSampler
from harness.engines.hf_scores import hf_scores
from harness.engines.memory import keep_freed_memory
from harness.engines.qwen3 import compact_scores
from harness.engines.qwen3_weights import supports
from harness.engines.torch_learner import TorchLearner
from harness.models.fit import end_ids
from harness.schema import SchemaError

if TYPE_CHECKING:
    from harness.config import ExperimentConfig
    from harness.engines.protocols import Learner, Sampler


def build(model: Any, tokenizer: Any, config: ExperimentConfig) -> tuple[Sampler, Learner]:
    """A sampler and a learner that share the module, so that handing over weights costs nothing.

    Raises SchemaError or ModelError where the settings ask for what the model or the machine cannot do.
    """
    model = _placed(model, config).eval()
    sampler = build_sampler(model, tokenizer, config)
    scorer = partial(
        compact_scores if _is_compact(model, config) else hf_scores, recompute=config.optim.gradient_checkpointing
    )
    needs = config.update_rule().needs
    return sampler, TorchLearner(model, config.optim, config.rollout.temperature, scorer, needs)


def build_sampler(model: Any, tokenizer: Any, config: ExperimentConfig) -> Sampler:
    """A sampler alone, without what a learner holds beside the weights. The same errors as ``build``."""
    model = _placed(model, config).eval()
    compact = _is_compact(model, config)
    refuse_unmet(model, config)
    if compact:
        keep_freed_memory()
    decode = partial(tokenizer.batch_decode, skip_special_tokens=True)
    ends = end_ids(model, tokenizer)
    pad_id = ends[0] if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    return (CompactSampler if compact else HfSampler)(model, ends, pad_id, decode)


def _is_compact(model: Any, config: ExperimentConfig) -> bool:
    return supports(model) if config.backend.engine == "auto" else config.backend.engine == "compact"


def _placed(model: Any, config: ExperimentConfig) -> Any:
    """The model on the GPU that the backend asks for, or where it is."""
    if not config.backend.num_gpus:
        return model
    if not torch.cuda.is_available():
        raise SchemaError(f"backend.num_gpus={config.backend.num_gpus:g}, but torch sees no GPU; set it to 0")
    return model.to("cuda")
