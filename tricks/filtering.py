"""Filters: which samples an update learns from, and which groups are resampled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from tricks.statistics import renumber_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup


@dataclass(frozen=True, slots=True)
class OverlongFilter:
    """Filter out responses that the length limit truncated (arXiv:2503.14476, section 3.4).

    The reward of a truncated response says little about it, so its tokens leave the loss. arXiv:2508.08221, section
    4.4,
    does not state whether they stay in the baseline (``Normalize.include``) or in the denominator (``count`` of the
    aggregation). Both follow ROLL by default.
    """

    truncation: Annotated[
        Literal["finish_reason", "last_token", "length", "padded_length"],
        "what is truncated: by the engine's finish reason, without EOS at the end (TRL), as long as the limit (ROLL), "
        "or as long as the longest response of the batch (AReaL)",
    ] = "finish_reason"
    limit: Annotated[int | None, "tokens, for truncation=length; null is the limit of the run"] = None
    numerator: Annotated[
        Literal["out", "in"], "whether the tokens leave the loss, or only its denominator (ROLL's rejection, a bug)"
    ] = "out"

    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        """Return True (B,) for responses that count as ended."""
        match self.truncation:
            case "finish_reason":
                return ~rollouts.truncated
            case "last_token":
                return ~rollouts.truncated if rollouts.ended is None else rollouts.ended
        lengths = rollouts.response_mask.sum(dim=1)
        if self.truncation == "padded_length":
            return lengths < lengths.max()
        return lengths < (self.limit or rollouts.max_response_length or rollouts.response_mask.shape[1])

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse a limit that is not read, or that is below one token."""
        if self.limit is not None and self.truncation != "length":
            yield f"limit is used only with truncation=length, truncation is {self.truncation}; leave one out"
        if self.limit is not None and self.limit < 1:
            yield f"limit must be at least 1 token, got {self.limit}"

    def no_effect_reasons(self, setup: Setup) -> Iterator[str]:
        """Report a limit above the run's own limit, which no response reaches."""
        if self.truncation == "length" and (self.limit or 0) > setup.max_response_length:
            yield f"limit={self.limit} exceeds rollout.max_response_length={setup.max_response_length}"


@dataclass(frozen=True, slots=True)
class ZeroVarianceFilter:
    """Filter out groups whose responses all have the same reward (arXiv:2510.13786).

    A group mean gives such a group no advantage. The group leaves the denominator too, so that the gradient of the
    other groups grows.
    """

    tolerance: Annotated[float, "largest range of rewards in a group that counts as equal"] = 0.0

    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        """Return True (B,) for samples of groups whose rewards differ."""
        return _range(rollouts) > self.tolerance

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse groups of one sample, which would all be filtered out."""
        yield from _refuse(self.tolerance, setup)


@dataclass(frozen=True, slots=True)
class DynamicSampling:
    """Dynamic sampling: resample groups whose rewards are all equal (arXiv:2503.14476, eq. 11).

    The training loop resamples at most ``rounds`` times, each time as many prompts as are missing. DAPO states no cap.
    """

    rounds: Annotated[int, "maximum extra rounds per step; verl stops the run at its cap, we do not"] = 4
    at_cap: Annotated[
        Literal["fill", "short"], "after the last round: fill the batch with rejected groups, or train on a smaller one"
    ] = "fill"

    def accept_groups(self, rollouts: Rollouts) -> Tensor:
        """Return True (B,) for samples of groups whose rewards differ."""
        return _range(rollouts) > 0

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse groups of one sample, which would all be resampled."""
        yield from _refuse(0.0, setup)
        if self.rounds < 0:
            yield f"rounds must be at least 0, got {self.rounds}"

    def no_effect_reasons(self, setup: Setup) -> Iterator[str]:
        """Report that nothing is resampled without a round."""
        if self.rounds == 0 and self.at_cap == "fill":
            yield "with rounds=0 and at_cap=fill every group stays"


def _range(rollouts: Rollouts) -> Tensor:
    """Return the largest minus the smallest reward of each sample's group (B,)."""
    index = renumber_groups(rollouts.group)
    size, rewards = int(index.max()) + 1, rollouts.rewards
    highest = rewards.new_zeros(size).scatter_reduce_(0, index, rewards, "amax", include_self=False)
    lowest = rewards.new_zeros(size).scatter_reduce_(0, index, rewards, "amin", include_self=False)
    return (highest - lowest)[index]


def _refuse(tolerance: float, setup: Setup) -> Iterator[str]:
    if setup.group_size < 2:
        yield f"rewards differ in groups of 2 or more samples, rollout.group_size is {setup.group_size}; set it higher"
    if not 0 <= tolerance < math.inf:
        yield f"tolerance must be a finite number of at least 0, got {tolerance}"
