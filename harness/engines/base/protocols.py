"""Interfaces of the sampler and the learner, and the data that they exchange.

The rest of the harness depends only on these interfaces.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from tricks import AblatedRule, Signal, UpdateRule


# diagnostics of a rule, and rows 1 and 2 of the counts
CLIP_METRICS: Final = ("clip_fraction_high", "clip_fraction_low")
MAX_LISTED_TOKENS: Final = 256  # tokens of each bound in the file


class ClippedTokens:
    """Counts by token id: updates that learned from it, and updates in which it was clipped.

    The clip range has an upper and a lower bound, which are counted separately.
    """

    def __init__(self, counts: Tensor | None = None) -> None:
        self._counts = torch.zeros(1 + len(CLIP_METRICS), 0, dtype=torch.int64) if counts is None else counts

    @property
    def counts(self) -> Tensor:
        """Counts (3, V), int64: occurrences, clipped above, clipped below.

        V is the largest token id seen so far plus one.
        """
        return self._counts

    def add(self, ids: Tensor, kept: Tensor, masks: Mapping[str, Tensor]) -> None:
        """Count the tokens of a micro-batch.

        Args:
            ids: (B, T) int64, sampled tokens.
            kept: (B, T) bool, tokens that the update learns from.
            masks: Clipped tokens (B, T) bool by the names of ``CLIP_METRICS``; a missing name counts as no token.

        """
        nothing = torch.zeros_like(kept)
        found = [ids[mask].cpu() for mask in (kept, *(masks.get(name, nothing) for name in CLIP_METRICS))]
        size = max(self._counts.shape[1], *(int(row.max()) + 1 for row in found if len(row)), 0)
        grown = torch.nn.functional.pad(self._counts, (0, size - self._counts.shape[1]))
        self._counts = grown + torch.stack([torch.bincount(row, minlength=size) for row in found])

    def document(self, text_of: Callable[[int], str]) -> dict[str, Any]:
        """Return the totals and the tokens clipped most often, most frequent first.

        ``text_of`` converts a token id to text.
        """
        totals = dict(zip(("occurrences", "high", "low"), self._counts.sum(dim=1).tolist(), strict=True))
        rows = {token: self._counts[:, token].tolist() for token in self._most_clipped()}
        ranked = sorted(rows.items(), key=lambda row: (-row[1][1] - row[1][2], row[0]))
        tokens = [
            {"token": token, "text": text_of(token), "occurrences": occurrences, "high": high, "low": low}
            for token, (occurrences, high, low) in ranked
        ]
        return {**totals, "tokens": tokens}

    def to_json(self, text_of: Callable[[int], str]) -> str:
        """Return ``document`` as the text of a run's file; ``text_of`` converts a token id to text."""
        return json.dumps(self.document(text_of), ensure_ascii=False, indent=1)

    def _most_clipped(self) -> set[int]:
        most = self._counts[1:].topk(min(MAX_LISTED_TOKENS, self._counts.shape[1]), dim=1)
        return {
            token for row, counts in zip(most.indices, most.values, strict=True) for token in row[counts > 0].tolist()
        }


@dataclass(frozen=True, slots=True)
class Decoding:
    """Settings of the sampling of responses."""

    group_size: int  # samples per prompt
    max_response_length: int  # tokens
    temperature: float = 1.0  # 0 is greedy
    top_p: float = 1.0
    top_k: int = 0  # 0: no limit

    def cuts(self, vocabulary: int) -> bool:
        """Return whether ``top_p`` or ``top_k`` can remove tokens from a vocabulary of that size."""
        return self.temperature > 0 and (self.top_p < 1 or 0 < self.top_k < vocabulary)


@dataclass(frozen=True, slots=True)
class Samples:
    """N prompts, padded on the left, and their B responses, padded on the right.

    The samples of a prompt are adjacent: ``group`` counts 0, 0, ..., 1, 1, ... up to N - 1.
    """

    prompt_ids: Tensor  # (N, P) int64
    prompt_mask: Tensor  # (N, P) bool
    group: Tensor  # (B,) int64, row of the prompt that each sample answers
    response_ids: Tensor  # (B, T) int64
    response_mask: Tensor  # (B, T) bool, True on sampled tokens, the EOS token included
    truncated: Tensor  # (B,) bool, no EOS within the limit
    log_probs: Tensor  # (B, T) float32, under the sampled distribution (temperature, top-p, top-k); 0 on padding
    texts: tuple[str, ...]  # B responses without special tokens, for the verifier
    # (B, T) float32, log of the share of the mass that top-p and top-k left at each token, 0 on padding; NaN
    # where the engine cannot tell, None where nothing was cut.
    log_kept: Tensor | None = None

    @property
    def whole_log_probs(self) -> Tensor:
        """Log-probabilities (B, T) under the whole softmax at the temperature.

        This is the distribution under which a learner scores tokens. Where the engine does not report what top-p and
        top-k removed, the value is the sampler's own log-probability.
        """
        return self.log_probs if self.log_kept is None else self.log_probs + self.log_kept.nan_to_num(nan=0.0)


class Sampler(Protocol):
    """A generation engine. The same prompts, decoding, seed and weights give the same samples."""

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int | Sequence[int]) -> Samples:
        """Sample ``decoding.group_size`` responses to each prompt.

        With a seed for each prompt, a sample depends only on its prompt, its prompt's seed and its index in the group.

        Args:
            prompts: Token ids of N prompts.
            decoding: Group size, length limit, temperature, top-p and top-k.
            seed: One seed, or one for each prompt.

        Returns:
            The samples; B is N times the group size.

        Raises:
            ValueError: A prompt is empty, or the number of seeds is not the number of prompts.
            Diverged: A logit is not finite.

        """
        ...

    def update_weights(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Replace the weights by the learner's after a step."""
        ...

    def sleep(self) -> None:
        """Free the device for the learner until the next call."""
        ...


class Learner(Protocol):
    """A training engine: scores samples and trains a policy."""

    def log_probs(self, samples: Samples) -> Tensor:
        """Return log-probabilities (B, T) of the sampled tokens: float32, no gradient, 0 on padding."""
        ...

    def reference_log_probs(self, samples: Samples) -> Tensor:
        """Return log-probabilities (B, T) under the weights at the start of the run.

        It is called only where the rule needs them. Raises ValueError where the learner keeps no reference model.
        """
        ...

    def update(
        self, samples: Samples, signal: Signal, rule: UpdateRule, ablated: Sequence[AblatedRule] = ()
    ) -> Mapping[str, float]:
        """Take the updates of one step and return their metrics.

        Args:
            samples: The step's B samples.
            signal: Advantages and masks of the same samples.
            rule: The update rule, which gives the loss.
            ablated: Rule and signal without one trick each, to measure on which tokens the trick acts.

        Returns:
            Metric name -> value, with ``fired/<trick>`` for each entry of ``ablated``.

        Raises:
            ValueError: The rule needs more than the learner was constructed with.
            Diverged: A log-probability, the loss, the gradient norm or a weight is not finite.

        """
        ...

    def weights(self) -> Iterable[tuple[str, Tensor]]:
        """Return the named parameters for the weight sync."""
        ...

    def clipped_tokens(self) -> ClippedTokens:
        """Return the counts of clipped tokens over all updates so far."""
        ...

    def save(self, folder: Path) -> None:
        """Write all that later updates depend on into an empty folder, as safetensors and JSON.

        Call it between two steps.
        """
        ...

    def restore(self, folder: Path) -> None:
        """Restore what ``save`` of an equal learner wrote. Call it before the first update."""
        ...
