"""Advantage normalization: the baseline to subtract, the scale to divide by, whitening."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

import torch

from tricks.statistics import (
    EpsRule,
    leave_one_out_mean,
    leave_one_out_variance,
    renumber_groups,
    segment_mean,
    segment_sum,
    segment_variance,
    std_divisor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup


Scope = Literal["none", "group", "batch", "leave_one_out"]


@dataclass(frozen=True, slots=True)
class Normalize:
    r"""Normalized advantage of each response (arXiv:2508.08221, eqs. 5-7).

    .. math:: A_i = (r_i - \mu) / (\sigma + \epsilon)

    The paper gives neither epsilon nor ddof, and no rule for a standard deviation of 0. The defaults follow ROLL, the
    paper's framework: standard deviation of the raw rewards with n - 1, epsilon 1e-6 added, filtered samples counted.
    """

    mean: Annotated[Scope, "what is subtracted; leave_one_out: the mean of the group's other samples"] = "none"
    std: Annotated[Scope, "the standard deviation that divides; leave_one_out: that of the group's other samples"] = (
        "none"
    )
    about: Annotated[
        Literal["own", "group"],
        "center of the batch standard deviation: the batch mean (ROLL, TRL) or the group means (AReaL)",
    ] = "own"
    ddof: Annotated[Literal[1, 0], "n - 1 (ROLL) or n (open-instruct) in the variance"] = 1
    eps: Annotated[float, "keeps the divisor from 0; 1e-6 in ROLL and verl, 1e-4 in TRL, 1e-9 in OpenRLHF"] = 1e-6
    eps_rule: Annotated[EpsRule, "where epsilon enters: std + eps, max(std, eps), or the same on the variance"] = (
        "added"
    )
    weights: Annotated[
        Literal["sequence", "token"], "each response counts once, or once per token (REINFORCE++ in verl)"
    ] = "sequence"
    include: Annotated[Literal["all", "kept"], "whether filtered samples enter the statistics; the paper is silent"] = (
        "all"
    )
    zero_std: Annotated[
        Literal["zero", "eps", "keep"],
        "advantage where the standard deviation is 0: exactly 0, divided by epsilon, or not divided",
    ] = "zero"
    single: Annotated[
        Literal["zero", "raw"],
        "advantage of a sample alone in its group: 0 (TRL), or with mean 0 and standard deviation 1 (verl)",
    ] = "zero"
    unequal: Annotated[
        Literal["own", "one_group"], "groups of unequal size: each separately, or the whole batch as one group (slime)"
    ] = "own"
    precision: Annotated[
        Literal["double", "single"],
        "precision of the mean; single leaves the rounding error that most frameworks divide by epsilon",
    ] = "double"

    def advantages(self, rewards: Tensor, kept: Tensor, rollouts: Rollouts) -> Tensor:
        """Normalize shaped rewards. With ``zero_std`` at its default, equal rewards give exactly 0.

        Args:
            rewards: shaped rewards (B,)
            kept: samples (B,) that no filter drops, bool
            rollouts: the batch

        Returns:
            Advantages (B,).

        """
        group, weights = self._groups(rollouts.group), self._weights(kept, rollouts)
        values = rewards[:, None] if self.precision == "single" else rewards[:, None].double()
        centred = values - self._centre(values, weights, group).to(values.dtype)
        if self.std == "none":
            return centred[:, 0].to(rewards.dtype)
        spread = self._variance(rewards[:, None].double(), weights, group)
        scaled = centred.double() / std_divisor(spread, self.eps, self.eps_rule)
        return self._where_zero(spread, centred.double(), scaled)[:, 0].to(rewards.dtype)

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse settings that have no meaning."""
        if "group" in (self.mean, self.std) and setup.group_size < 2 and self.single == "zero":
            found = f"a group needs at least 2 samples, rollout.group_size is {setup.group_size}"
            yield f"{found}; set it higher, or single=raw without emulate"
        if "leave_one_out" in (self.mean, self.std) and setup.group_size < 2:
            yield f"leave_one_out needs others in a group, rollout.group_size is {setup.group_size}; set it higher"
        if not 0 <= self.eps < torch.inf:
            yield f"eps must be a finite number of at least 0, got {self.eps}"
        if self.eps == 0 and self.zero_std == "eps":
            yield "zero_std=eps divides by eps, which is 0; set eps or choose zero_std=zero"
        if self.about == "group" and self.std != "batch":
            yield f"about=group needs the batch standard deviation, std is {self.std}; set std=batch or leave about out"

    def _groups(self, group: Tensor) -> Tensor:
        index = renumber_groups(group)
        sizes = torch.bincount(index)
        merged = self.unequal == "one_group" and bool((sizes != sizes[0]).any())
        return torch.zeros_like(index) if merged else index

    def _weights(self, kept: Tensor, rollouts: Rollouts) -> Tensor:
        by_token = self.weights == "token"
        weights = rollouts.response_mask.sum(dim=1).double() if by_token else torch.ones(len(kept), dtype=torch.float64)
        weights = weights[:, None]
        return weights * kept[:, None] if self.include == "kept" else weights

    def _centre(self, values: Tensor, weights: Tensor, group: Tensor) -> Tensor:
        """Return what is subtracted (B, 1).

        The mean of a sample alone in its segment is its value, or 0.
        """
        if self.mean == "none":
            return torch.zeros_like(values)
        index = _index(self.mean, group)
        if self.mean == "leave_one_out":
            found = leave_one_out_mean(values, weights, index)
        elif self.precision == "single":
            found = _single_mean(values, weights, index)
        else:
            found = segment_mean(values, weights, index)
        alone = torch.zeros_like(values) if self.single == "raw" else values
        return torch.where(_members(weights, index) > 1, found.to(values.dtype), alone)

    def _variance(self, values: Tensor, weights: Tensor, group: Tensor) -> Tensor:
        """Return the variance to divide by (B, 1). A sample alone in its segment has 0, or 1."""
        index = _index(self.std, group)
        if self.std == "leave_one_out":
            found = leave_one_out_variance(values, weights, index, self.ddof)
        else:
            centre = segment_mean(values, weights, group if self.about == "group" else index)
            found = segment_variance(values, weights, index, centre, self.ddof)
        alone = torch.full_like(found, float(self.single == "raw"))
        return torch.where(_members(weights, index) > 1, found, alone)

    def _where_zero(self, spread: Tensor, centred: Tensor, scaled: Tensor) -> Tensor:
        match self.zero_std:
            case "zero":
                return torch.where(spread == 0, 0.0, scaled)
            case "keep":
                return torch.where(spread == 0, centred, scaled)
            case "eps":
                return scaled


def _index(scope: Scope, group: Tensor) -> Tensor:
    return torch.zeros_like(group) if scope == "batch" else group  # the batch is one segment


def _members(weights: Tensor, index: Tensor) -> Tensor:
    return segment_sum((weights > 0).double(), index)


def _single_mean(values: Tensor, weights: Tensor, index: Tensor) -> Tensor:
    """Return the mean of float32 sums, with their rounding error.

    Where every sample counts once, it is torch's own mean of each segment; its order of additions depends on the
    size.
    """
    if bool((weights == 1).all()):
        return _torch_means(values[:, 0], index)[index][:, None]
    sums = values.new_zeros(int(index.max()) + 1)
    weighted = (values * weights.to(values.dtype))[:, 0]
    counts = torch.zeros_like(sums).index_add_(0, index, weights.to(values.dtype)[:, 0])
    return (sums.index_add_(0, index, weighted) / counts.clamp(min=1))[index][:, None]


def _torch_means(values: Tensor, index: Tensor) -> Tensor:
    counts = torch.bincount(index)
    ordered = values[torch.argsort(index, stable=True)]
    if bool((counts == counts[0]).all()):
        return ordered.view(len(counts), -1).mean(dim=1)
    ends = [0, *counts.cumsum(0).tolist()]
    return torch.stack([ordered[first:last].mean() for first, last in pairwise(ends)])


WhiteningScope = Literal["batch", "group", "none"]


@dataclass(frozen=True, slots=True)
class Whiten:
    r"""Whitened advantages: normalized over the tokens of the batch (arXiv:2501.03262).

    .. math:: (A - \mu) / \sqrt{\sigma^2 + \epsilon}

    Statistics count a response once per token unless ``weights`` says otherwise, so that long responses dominate them.
    A batch standard deviation cancels any earlier scale of the advantages. The defaults follow verl's masked whitening.
    """

    mean: Annotated[WhiteningScope, "what is subtracted"] = "batch"
    std: Annotated[WhiteningScope, "the standard deviation that divides"] = "batch"
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
            scope: segment_mean(advantages, weights, _whitening_index(scope, group)).to(advantages.dtype)
            for scope in scopes
        }
        whitened = advantages - centres.get(self.mean, 0.0)
        if self.std == "none":
            return whitened
        spread = segment_variance(advantages, weights, _whitening_index(self.std, group), centres[self.std], self.ddof)
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


def _whitening_index(scope: str, group: Tensor) -> Tensor:
    return group if scope == "group" else torch.zeros_like(group)
