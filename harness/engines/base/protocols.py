"""Interfaces of the sampler (generation engine) and the learner (training engine)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from harness.engines.base.clipped_tokens import ClippedTokens
    from tricks.batch import Signal
    from tricks.fired import Ablated
    from tricks.rule import UpdateRule


@dataclass(frozen=True, slots=True)
class Decoding:
    """How responses are drawn."""

    group_size: int  # samples per prompt
    max_response_length: int  # tokens
    temperature: float = 1.0  # 0 is greedy
    top_p: float = 1.0
    top_k: int = 0  # 0: no bound

    def cuts(self, vocabulary: int) -> bool:
        """Tell whether ``top_p`` or ``top_k`` can take tokens away from a vocabulary of that size."""
        return self.temperature > 0 and (self.top_p < 1 or 0 < self.top_k < vocabulary)


@dataclass(frozen=True, slots=True)
class Samples:
    """Responses as a sampler returns them: N prompts left-padded, B responses right-padded.

    The samples of a prompt are adjacent: ``group`` counts 0, 0, ..., 1, 1, ... up to N - 1.
    """

    prompt_ids: Tensor  # (N, P) int64
    prompt_mask: Tensor  # (N, P) bool
    group: Tensor  # (B,) int64, row of the prompt that each sample answers
    response_ids: Tensor  # (B, T) int64
    response_mask: Tensor  # (B, T) bool, True on sampled tokens, the EOS token included
    truncated: Tensor  # (B,) bool, no EOS within the limit
    log_probs: Tensor  # (B, T) float32, of the distribution drawn from: temperature, top-p and top-k; 0 on padding
    texts: tuple[str, ...]  # B responses without special tokens, for the verifier
    # (B, T) float32, log of the share of the mass that top-p and top-k left at each token, 0 on padding; not a number
    # where the engine cannot tell, None where nothing was cut.
    log_kept: Tensor | None = None

    @property
    def whole_log_probs(self) -> Tensor:
        """Log-probabilities (B, T) under the whole softmax at the temperature, as a learner scores tokens.

        Those of the distribution drawn from where the engine cannot tell what was cut.
        """
        return self.log_probs if self.log_kept is None else self.log_probs + self.log_kept.nan_to_num(nan=0.0)

    def of_prompts(self, first: int, last: int) -> Samples:
        """The samples of prompts ``first`` up to, not including, ``last``; the padding is kept."""
        rows = torch.nonzero((self.group >= first) & (self.group < last))[:, 0]
        low, high = int(rows[0]), int(rows[-1]) + 1
        return Samples(
            self.prompt_ids[first:last],
            self.prompt_mask[first:last],
            self.group[low:high] - first,
            self.response_ids[low:high],
            self.response_mask[low:high],
            self.truncated[low:high],
            self.log_probs[low:high],
            self.texts[low:high],
            None if self.log_kept is None else self.log_kept[low:high],
        )


class Sampler(Protocol):
    """Draws responses. The same prompts, decoding, seed and weights give the same samples."""

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int | Sequence[int]) -> Samples:
        """Answer tokenised prompts, ``decoding.group_size`` times each.

        With a seed for each prompt, what a sample draws depends on its prompt's seed and its place in the group alone.
        """
        ...

    def load(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Take over the learner's weights after a step."""
        ...

    def rest(self) -> None:
        """Leave the device to the learner until samples are asked for again."""
        ...


class Learner(Protocol):
    """Scores and trains a policy."""

    def log_probs(self, samples: Samples) -> Tensor:
        """Log-probabilities (B, T) of the sampled tokens, float32, no grad, 0 on padding."""
        ...

    def reference_log_probs(self, samples: Samples) -> Tensor:
        """The same under the weights that the run started from. Asked only where the rule needs them."""
        ...

    def update(
        self, samples: Samples, signal: Signal, rule: UpdateRule, ablated: Sequence[Ablated] = ()
    ) -> Mapping[str, float]:
        """Take the updates of one step and return their metrics, ``fired/<trick>`` of each ablation among them."""
        ...

    def weights(self) -> Iterable[tuple[str, Tensor]]:
        """Named parameters, for the sampler."""
        ...

    def clipped_tokens(self) -> ClippedTokens:
        """What the bounds held back in all updates so far, by token."""
        ...

    def save(self, folder: Path) -> None:
        """Write into an empty folder, between two steps, all that later updates depend on: safetensors and JSON."""
        ...

    def restore(self, folder: Path) -> None:
        """Take over what the ``save`` of an equal learner wrote. This one has trained nothing yet."""
        ...
