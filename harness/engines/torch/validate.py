"""Checks, before the first step, that a model supports the settings of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

from harness.common.schema import SchemaError
from harness.config.window import positions_of, refuse_short
from harness.engines.torch.checkpointing import checkpointable
from harness.engines.torch.head import logits
from harness.engines.torch.hf_scores import decoder_of, head_of
from harness.models.embedded import EmbeddedModel
from harness.models.errors import ModelError

if TYPE_CHECKING:
    from harness.config.experiment import ExperimentConfig

_NOISE: Final = 0.02  # share of the logits' standard deviation that rounding may change


def validate_model_support(model: Any, config: ExperimentConfig) -> None:
    """Refuse a model that cannot do what the settings ask for.

    Raises SchemaError for a setting that the model does not support, and ModelError for a model that cannot be scored.
    """
    refuse_short(config.limits, positions_of(model.config), type(model).__name__)
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
    if not config.optim.gradient_checkpointing or checkpointable(model):
        return None
    return f"optim.gradient_checkpointing: {type(model).__name__} has no layers that can be recomputed; set it to false"


@torch.no_grad()
def _readable(model: Any) -> bool:
    """Return whether scores computed from hidden states match the model's own logits."""
    ids = torch.arange(4, device=model.device)[None]
    own = model(input_ids=ids, use_cache=False).logits[0].float()
    ours = logits(decoder_of(model)(input_ids=ids, use_cache=False)[0][0], head_of(model))
    return bool((own - ours).abs().max() <= _NOISE * own.std())
