"""Which samples an update may learn from, and which groups are drawn anew."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from tricks.statistics import segments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup


@dataclass(frozen=True, slots=True)
class OverlongFilter:
    """Leave out responses cut off by the length limit: their reward says little (arXiv:2503.14476, section 3.4).

    Their tokens leave the loss. arXiv:2508.08221, section 4.4, states neither whether they stay in the baseline
    (``Normalize.include``) nor in the denominator (``count`` of the aggregation); both follow ROLL by default.
    """

    truncation: Annotated[
        Literal["finish_reason", "last_token", "length", "padded_length"],
        "what is truncated: by the engine's word, without EOS at the end (TRL), as long as the limit (ROLL), "
        "or as long as the longest response of the batch (AReaL)",
    ] = "finish_reason"
    limit: Annotated[int | None, "tokens, for truncation=length; null is the limit of the run"] = None
    numerator: Annotated[
        Literal["out", "in"], "whether the tokens leave the loss, or its denominator alone (ROLL's rejection, a bug)"
    ] = "out"

    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        """True (B,) for responses that count as ended."""
        match self.truncation:
            case "finish_reason":
                return ~rollouts.truncated
            case "last_token":
                return ~rollouts.truncated if rollouts.ended is None else rollouts.ended
        lengths = rollouts.response_mask.sum(dim=1)
        if self.truncation == "padded_length":
            return lengths < lengths.max()
        return lengths < (self.limit or rollouts.max_response_length or rollouts.response_mask.shape[1])

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse a limit that nothing reads or that nothing could pass."""
        if self.limit is not None and self.truncation != "length":
            yield f"limit is read with truncation=length alone, truncation is {self.truncation}; leave one out"
        if self.limit is not None and self.limit < 1:
            yield f"limit is a number of tokens, at least 1, got {self.limit}"

    def inert(self, setup: Setup) -> Iterator[str]:
        """No response reaches a limit that lies beyond the run's own."""
        if self.truncation == "length" and (self.limit or 0) > setup.max_response_length:
            yield f"limit={self.limit} lies beyond rollout.max_response_length={setup.max_response_length}"


@dataclass(frozen=True, slots=True)
class ZeroVarianceFilter:
    """Leave out groups in which every response has the same reward: a group mean gives them no advantage.

    They leave the denominator too, so that the gradient of the others grows (arXiv:2510.13786).
    """

    tolerance: Annotated[float, "largest range of rewards in a group that counts as none"] = 0.0

    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        """True (B,) for samples of groups whose rewards differ."""
        return _range(rollouts) > self.tolerance

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse groups of one, which would all be left out."""
        yield from _refuse(self.tolerance, setup)


@dataclass(frozen=True, slots=True)
class DynamicSampling:
    """Draw other prompts in place of groups whose rewards are all equal (arXiv:2503.14476, eq. 11).

    The loop redraws at most ``rounds`` times, each time as many prompts as are missing. DAPO states no cap.
    """

    rounds: Annotated[int, "most extra rounds in a step; verl stops the run at its cap, we do not"] = 4
    at_cap: Annotated[
        Literal["fill", "short"], "what then: complete the batch with refused groups, or train on a smaller one"
    ] = "fill"

    def accept_groups(self, rollouts: Rollouts) -> Tensor:
        """True (B,) for samples of groups whose rewards differ."""
        return _range(rollouts) > 0

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse groups of one, which would all be drawn anew."""
        yield from _refuse(0.0, setup)
        if self.rounds < 0:
            yield f"rounds is a number of extra rounds, at least 0, got {self.rounds}"

    def inert(self, setup: Setup) -> Iterator[str]:
        """Without a round nothing is drawn anew."""
        if self.rounds == 0 and self.at_cap == "fill":
            yield "with rounds=0 and at_cap=fill every group stays"


def _range(rollouts: Rollouts) -> Tensor:
    """Largest minus smallest reward (B,) of each sample's group."""
    index = segments(rollouts.group)
    size, rewards = int(index.max()) + 1, rollouts.rewards
    highest = rewards.new_zeros(size).scatter_reduce_(0, index, rewards, "amax", include_self=False)
    lowest = rewards.new_zeros(size).scatter_reduce_(0, index, rewards, "amin", include_self=False)
    return (highest - lowest)[index]


def _refuse(tolerance: float, setup: Setup) -> Iterator[str]:
    if setup.group_size < 2:
        yield f"rewards differ in groups of 2 or more samples, rollout.group_size is {setup.group_size}; set it higher"
    if not 0 <= tolerance < math.inf:
        yield f"tolerance is a range of rewards, a finite number of at least 0, got {tolerance}"
