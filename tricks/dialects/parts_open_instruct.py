"""Parts that open-instruct computes in its own way: weights from trainer and engine, and groups without variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tricks.filtering import DynamicSampling, ZeroVarianceFilter
from tricks.importance import TruncatedImportance
from tricks.statistics import renumber_groups
from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup

_BOUND = 10.0  # of the log-ratio of each token


@dataclass(frozen=True, slots=True)
class BoundedImportance(TruncatedImportance):
    """Truncated importance sampling of a log-ratio that is held to -10 and 10, so that no weight is below 4.5e-5."""

    stable_name: ClassVar = "bounded_importance"

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        """Return the weight of each token's loss (B, T), 1 where trainer and engine agree."""
        assert rollouts.sampler_log_probs is not None  # the rule has checked it
        gap = torch.where(rollouts.response_mask, rollouts.old_log_probs - rollouts.sampler_log_probs, 0.0)
        ratio = gap.clamp(-_BOUND, _BOUND).exp()
        if self.outside == "drop":
            return ratio.masked_fill((ratio > self.cap) | (ratio < self.floor), 0.0)
        return ratio.clamp(self.floor, self.cap)

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds on the wrong side of 1."""
        yield from TruncatedImportance.validate(self, setup)
        if self.cap <= 1:
            yield f"open-instruct stops at an upper bound of at most 1, got cap={self.cap:g}; set cap above 1"
        if self.floor >= 1:
            yield f"open-instruct stops at a lower bound of at least 1, got floor={self.floor:g}; set floor below 1"


@dataclass(frozen=True, slots=True)
class NumpyVarianceFilter(ZeroVarianceFilter):
    """Filter out groups whose standard deviation in numpy is exactly 0.

    The rounding error of a mean keeps some groups of equal rewards in the denominator: three rewards of 0.1, and not
    four.
    """

    stable_name: ClassVar = "numpy_variance_filter"

    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        """Return True (B,) for samples of groups with a standard deviation."""
        return _varied(rollouts)


@dataclass(frozen=True, slots=True)
class NumpyVarianceSampling(DynamicSampling):
    """Dynamic sampling that resamples the groups whose standard deviation in numpy is exactly 0."""

    stable_name: ClassVar = "numpy_variance_sampling"

    def accept_groups(self, rollouts: Rollouts) -> Tensor:
        """Return True (B,) for samples of groups with a standard deviation."""
        return _varied(rollouts)


def _varied(rollouts: Rollouts) -> Tensor:
    """Return True (B,) for samples of groups whose rewards, as Python floats, have a standard deviation in numpy."""
    index, rewards = renumber_groups(rollouts.group), rollouts.rewards.double()
    varied = [float(rewards[index == group].numpy().std()) != 0 for group in range(int(index.max()) + 1)]
    return torch.tensor(varied, device=index.device)[index]
