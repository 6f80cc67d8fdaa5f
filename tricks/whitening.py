"""Whitening: a second normalization, which centers and rescales the advantages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import torch

from tricks.statistics import EpsRule, renumber_groups, segment_mean, segment_variance, std_divisor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup

Scope = Literal["batch", "group", "none"]


@dataclass(frozen=True, slots=True)
class Whiten:
    r"""Whitened advantages: normalized over the tokens of the batch (arXiv:2501.03262).

    .. math:: (A - \mu) / \sqrt{\sigma^2 + \epsilon}

    Statistics count a response once per token unless ``weights`` says otherwise, so that long responses dominate them.
    A
    batch standard deviation cancels any earlier scale of the advantages. The defaults follow verl's masked whitening.
    """

    mean: Annotated[Scope, "what is subtracted"] = "batch"
    std: Annotated[Scope, "the standard deviation that divides"] = "batch"
    weights: Annotated[Literal["token", "sequence"], "each token counts once, or each response"] = "token"
    ddof: Annotated[Literal[1, 0], "1 in verl, ROLL and slime, 0 in OpenRLHF"] = 1
    eps: Annotated[float, "1e-8 in verl, ROLL, OpenRLHF and slime, 1e-5 in AReaL"] = 1e-8
    eps_rule: Annotated[EpsRule, "verl adds it to the variance, OpenRLHF floors the variance"] = "added_to_variance"
    include: Annotated[Literal["kept", "all"], "whether tokens of filtered samples enter the statistics"] = "kept"

    def whiten(self, advantages: Tensor, response_mask: Tensor, rollouts: Rollouts) -> Tensor:
        """Return whitened advantages; they are unchanged where fewer than two numbers count.

        Args:
            advantages: (B, 1) or (B, T)
            response_mask: kept tokens (B, T), bool
            rollouts: the batch

        Returns:
            Advantages in the given shape.

        """
        counted = response_mask if self.include == "kept" else rollouts.response_mask
        weights = self._weights(counted, advantages)
        if weights.sum() < 1.5:  # a whole number, except for rounding of 1 over a length
            return advantages
        group = renumber_groups(rollouts.group)
        scopes = {self.mean, self.std} - {"none"}
        centres = {
            scope: segment_mean(advantages, weights, _index(scope, group)).to(advantages.dtype) for scope in scopes
        }
        whitened = advantages - centres.get(self.mean, 0.0)
        if self.std == "none":
            return whitened
        spread = segment_variance(advantages, weights, _index(self.std, group), centres[self.std], self.ddof)
        return whitened.div_(std_divisor(spread, self.eps, self.eps_rule).to(advantages.dtype))

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse an epsilon that cannot keep the divisor away from 0."""
        if not 0 < self.eps < torch.inf:
            yield f"eps must be a finite number above 0, got {self.eps}"

    def _weights(self, counted: Tensor, advantages: Tensor) -> Tensor:
        """Return the weight of each advantage, in the shape of the advantages."""
        if advantages.shape[1] == 1 and counted.shape[1] != 1:
            lengths = counted.sum(dim=1, keepdim=True)
            counts = lengths if self.weights == "token" else lengths > 0
            return counts.to(advantages.dtype)
        weights = counted.to(advantages.dtype)
        if self.weights == "sequence":
            weights /= counted.sum(dim=1, keepdim=True).clamp(min=1)
        return weights


def _index(scope: str, group: Tensor) -> Tensor:
    return group if scope == "group" else torch.zeros_like(group)
