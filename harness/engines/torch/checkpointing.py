"""Gradient checkpointing: layers are computed again in the backward pass, so that only their inputs are kept."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

# The models here have no dropout to repeat.
again: Final = partial(checkpoint, use_reentrant=False, preserve_rng_state=False)


@contextmanager
def recomputed(model: Any, wanted: bool) -> Iterator[None]:
    """Within it, the layers of a model of transformers are checkpointed where ``wanted`` and grad is enabled.

    transformers' own switch works in training mode only, which would turn dropout on, and would stay on in sampling.
    """
    layers = checkpointable(model) if wanted and torch.is_grad_enabled() else []
    for layer in layers:
        layer.forward = partial(again, layer.forward)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def checkpointable(model: Any) -> list[Any]:
    """The layers that transformers itself would checkpoint."""
    from transformers.modeling_layers import GradientCheckpointingLayer  # noqa: PLC0415 - there with such a model

    return [layer for layer in model.modules() if isinstance(layer, GradientCheckpointingLayer)]
