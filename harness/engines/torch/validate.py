"""Checks, before the first step, that a model supports the settings of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

from harness.common import SchemaError
from harness.config import read_loaded_positions, refuse_short_window
from harness.engines.torch.hf_scores import find_decoder, find_head
from harness.engines.torch.low_memory import find_checkpointable_layers, logits
from harness.models import EmbeddedModel, ModelError

if TYPE_CHECKING:
    from harness.config import ExperimentConfig

_NOISE: Final = 0.02  # share of the logits' standard deviation that rounding may change


def validate_model_support(model: Any, config: ExperimentConfig) -> None:
    """Refuse a model that cannot do what the settings ask for.

    Raises SchemaError for a setting that the model does not support, and ModelError for a model that cannot be scored.
    """
    refuse_short_window(config.limits, read_loaded_positions(model.config), type(model).__name__)
    if isinstance(model, EmbeddedModel):  # the compact engines support all of this; tests check it
        return
    problem = _unlayered(model, config)
    if problem:
        raise SchemaError(problem)
    if not _readable(model):
        reason = (
            f"the logits of {type(model).__name__} are not a known function of its hidden states; give another model"
        )
        raise ModelError(f"model.path {config.model.path!r}: {reason}")


def _unlayered(model: Any, config: ExperimentConfig) -> str | None:
    if not config.optim.gradient_checkpointing or find_checkpointable_layers(model):
        return None
    return f"optim.gradient_checkpointing: {type(model).__name__} has no layers that can be recomputed; set it to false"


@torch.no_grad()
def _readable(model: Any) -> bool:
    """Return whether scores computed from hidden states match the model's own logits."""
    ids = torch.arange(4, device=model.device)[None]
    own = model(input_ids=ids, use_cache=False).logits[0].float()
    ours = logits(find_decoder(model)(input_ids=ids, use_cache=False)[0][0], find_head(model))
    return bool((own - ours).abs().max() <= _NOISE * own.std())
