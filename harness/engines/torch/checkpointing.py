"""Gradient checkpointing: layers keep their inputs and are recomputed in the backward pass."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

# There is no dropout here, so the random state need not be restored.
checkpoint_layer: Final = partial(checkpoint, use_reentrant=False, preserve_rng_state=False)


@contextmanager
def checkpoint_layers(model: Any, wanted: bool) -> Iterator[None]:
    """Checkpoint the layers of a transformers model within the context.

    Nothing is changed where ``wanted`` is False or gradients are off. The switch of transformers works only in training
    mode, which would turn dropout on, and it would stay on while sampling.
    """
    layers = find_checkpointable_layers(model) if wanted and torch.is_grad_enabled() else []
    for layer in layers:
        layer.forward = partial(checkpoint_layer, layer.forward)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def find_checkpointable_layers(model: Any) -> list[Any]:
    """Return the layers that transformers itself would checkpoint."""
    from transformers.modeling_layers import GradientCheckpointingLayer  # noqa: PLC0415 - there with such a model

    return [layer for layer in model.modules() if isinstance(layer, GradientCheckpointingLayer)]
