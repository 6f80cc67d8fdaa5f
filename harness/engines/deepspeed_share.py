"""What passes between a learner and its ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from harness.engines.sequences import Sequences
from harness.engines.shipping import Shipped
from tricks.batch import Signal

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.rule import UpdateRule

Chunks = Sequence[Shipped[Sequences]]  # what a rank reads in one pass
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Share:
    """What a rank needs beside the tokens to compute the loss of its b samples of a pass."""

    signal: Shipped[Signal]
    weights: Floats  # (b, 1), of the whole update

    def loss(self, rule: UpdateRule, log_probs: Tensor, entropy: Tensor) -> Tensor:
        """Of these samples, from the scores (M,) of their tokens."""
        signal = self.signal.open()
        nothing = torch.zeros(signal.sampled_mask.shape)
        now, entropies = (nothing.masked_scatter(signal.sampled_mask, values) for values in (log_probs, entropy))
        return rule.loss(now, signal, torch.tensor(self.weights), entropies)


@dataclass(frozen=True, slots=True)
class Updated:
    """A rank's part of an update."""

    loss: float  # of its own samples
    grad_norm: float  # of all ranks together, before clipping; 0 where nothing was learnt
    log_probs: Floats  # (M,) of its samples' tokens, in the order in which it read them
    entropy: Floats  # (M,)
