"""Tricks that only dialects use: statistics and surrogates of single frameworks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from tricks.aggregation import SequenceMean
from tricks.formula_parts import number, response_loss, response_ratio
from tricks.normalization import Normalize
from tricks.statistics import renumber_groups, segment_sum, segment_variance
from tricks.surrogates import SequenceClip, compute_ratios
from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup, Signal


@dataclass(frozen=True, slots=True)
class NormalizeAboutCenter(Normalize):
    r"""Normalization with a standard deviation about the subtracted value.

    .. math:: \sigma^2 = \sum_i (r_i - \mu_i)^2 / (n - 1)

    It differs from the usual standard deviation where :math:`\mu_i` is not the mean of the numbers under the sum: 0,
    the mean of the batch in a group, or the leave-one-out means.
    """

    stable_name: ClassVar = "norm_about_center"

    def formula(self, setup: Setup) -> Iterator[str]:
        """Yield the formula: the squares are about the subtracted value."""
        mean = {"none": "", "group": "mean_group(r)", "batch": "mean_batch(r)", "leave_one_out": "mean_others(r)"}
        centre = f" - {mean[self.mean]}" if self.mean != "none" else ""
        spread = f"rms_{'group' if self.std == 'group' else 'batch'}(r{centre}; {'n - 1' if self.ddof else 'n'})"
        yield f"A_i = (r_i{centre}) / ({spread} + {number(self.eps)})  [rms 1 for a single number]"

    def advantages(self, rewards: Tensor, kept: Tensor, rollouts: Rollouts) -> Tensor:
        """Normalize shaped rewards; a reward that equals the subtracted value gives exactly 0.

        Args:
            rewards: shaped rewards (B,)
            kept: samples (B,) that no filter drops, bool
            rollouts: the batch

        Returns:
            Advantages (B,).

        """
        group, weights = self._groups(rollouts.group), self._weights(kept, rollouts)
        values = rewards[:, None].double()
        centre = self._centre(values, weights, group)
        index = group if self.std == "group" else group * 0
        spread = segment_variance(values, weights, index, centre, self.ddof)
        spread = spread.where(segment_sum(weights, index) > 1, 1.0)
        return ((values - centre) / (spread.sqrt() + self.eps))[:, 0].to(rewards.dtype)


@dataclass(frozen=True, slots=True)
class NormalizeBySquares(Normalize):
    r"""Normalization by group with standard deviation :math:`\sqrt{E[x^2] - E[x]^2}` in float32.

    Where rewards are almost equal, the difference is rounding error. Its root may be 0, NaN (replaced by 0) or about
    1e-4,
    and the advantage is then divided by it. The framework's sums depend on the linear algebra library. Here rewards are
    summed one by one in ascending order, so that the order of samples does not matter.
    """

    stable_name: ClassVar = "norm_by_squares"

    def formula(self, setup: Setup) -> Iterator[str]:
        """Yield the formula: the difference of two sums in float32."""
        scope = "others" if self.mean == "leave_one_out" else "group"
        centred = f"r_i - mean_{scope}(r)"
        if self.std == "none":
            yield f"A_i = {centred}  [float32]"
            return
        spread = f"sqrt((mean_{scope}(r^2) - mean_{scope}(r)^2) n / (n - 1))"
        yield f"A_i = ({centred}) / ({spread} + {number(self.eps)})  [float32; not divided where the root is 0 or NaN]"

    def advantages(self, rewards: Tensor, kept: Tensor, rollouts: Rollouts) -> Tensor:
        """Normalize shaped rewards by group; a sample alone in its group gets 0.

        Args:
            rewards: shaped rewards (B,)
            kept: not used
            rollouts: the batch

        Returns:
            Advantages (B,).

        """
        values, index = rewards.float(), renumber_groups(rollouts.group)
        order = torch.argsort(values, stable=True)
        order = order[torch.argsort(index[order], stable=True)]
        group, sizes = index[order], torch.bincount(index)
        place = torch.arange(len(order)) - (sizes.cumsum(0) - sizes)[group]
        grid = values.new_zeros(len(sizes), int(sizes.max()))  # (groups, samples), each row in ascending order
        grid[group, place] = values[order]
        found = torch.empty_like(rewards)
        found[order] = self._normalized(grid, sizes[:, None])[group, place].to(rewards.dtype)
        return found

    def _normalized(self, grid: Tensor, sizes: Tensor) -> Tensor:
        """Return advantages (groups, samples) of rewards in ascending order, in rows padded with 0."""
        others = self.mean == "leave_one_out"
        counts = (sizes - int(others)).float()
        mean = _sums(grid, others) / counts
        spread = (
            ((_sums(grid.square(), others) / counts - mean.square()) * (counts / (counts - 1))).sqrt().nan_to_num(0)
        )
        centred = torch.where(sizes > 1, grid - mean, 0.0)
        if self.std == "none":
            return centred
        return torch.where((sizes > 1) & (spread > 0), centred / (spread + self.eps), centred)


@dataclass(frozen=True, slots=True)
class SampleMean(SequenceMean):
    """Sequence mean whose denominator counts empty responses but not filtered ones.

    NeMo-RL counts samples by ``sample_mask``, which the overlong filter clears and an empty response does not.
    """

    stable_name: ClassVar = "sample_mean"

    def formula(self, setup: Setup) -> Iterator[str]:
        """Yield the formula: empty responses are in the denominator."""
        yield "L = sum_i (sum_t l_it / |o_i|) / (kept and empty responses)"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1) that sum to the share of counted responses that have a token."""
        kept = signal.response_mask.any(dim=1, keepdim=True)
        counted = (kept | ~signal.sampled_mask.any(dim=1, keepdim=True)).sum()
        weights = SequenceMean(scope=self.scope, count="kept").loss_weights(signal, micro_batch).double()
        return (weights * kept.sum().double() / counted.clamp(min=1)).to(signal.old_log_probs.dtype)


def _sums(grid: Tensor, others: bool) -> Tensor:
    """Return the sum of each row, or of the other numbers in the row.

    Columns are added one by one in the precision of the grid.
    """
    found = torch.zeros_like(grid)
    own = torch.eye(grid.shape[1], dtype=torch.bool)
    for column in range(grid.shape[1]):
        term = grid[:, column : column + 1].expand_as(grid)
        found = found + (term.masked_fill(own[column], 0.0) if others else term)
    return found


@dataclass(frozen=True, slots=True)
class ProbabilityMask:
    r"""DPPO with binary total variation, and a penalty that pulls to the old policy.

    .. math:: -M \rho A + \tau \log^2\rho, \quad
              M = 0 \text{ where } A > 0,\ \pi - \pi_{old} > high \text{ or } A \le 0,\ \pi - \pi_{old} < -low

    arXiv:2602.04879, eqs. 11 to 13. The penalty acts on every token, also on masked ones. As in prime-rl,
    :math:`\pi_{old}` is the sampler's probability, in the mask and in :math:`\rho`; it is the old policy's where a batch
    has no log-probs of the sampler.
    """

    stable_name: ClassVar = "probability_mask"
    from_sampler: ClassVar = True

    low: Annotated[float, "how far a probability may fall"] = 0.2
    high: Annotated[float, "how far a probability may rise"] = 0.2
    pull: Annotated[float, "weight of the squared log-ratio"] = 1e-3

    def formula(self, setup: Setup) -> Iterator[str]:
        """Yield the formula of the loss and that of the mask."""
        yield "rho_it = pi(o_it) / pi_old(o_it)"
        yield (
            f"M_it = 0 where A_i > 0 and pi(o_it) - pi_old(o_it) > {number(self.high)}, or A_i <= 0 and "
            f"pi(o_it) - pi_old(o_it) < {number(-self.low)}, 1 elsewhere"
        )
        yield f"l_it = {number(self.pull)} log(rho_it)^2 - M_it rho_it A_i"

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Return the loss of each token (B, T)."""
        log_ratio = log_ratio + _from_old(signal)
        kept = ~self._masked(log_ratio, signal)
        return self.pull * log_ratio.square() - kept * compute_ratios(log_ratio, None) * signal.advantages

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds that are out of range."""
        if not min(self.low, self.high, self.pull) >= 0:
            yield f"low, high and pull are at least 0, got {self.low}, {self.high} and {self.pull}"

    def diagnostics(self, log_ratio: Tensor, signal: Signal) -> dict[str, Tensor]:
        """Return the mask (B, T) of tokens for which only the penalty acts."""
        return {"probability_masked": self._masked(log_ratio + _from_old(signal), signal)}

    def _masked(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        behind = signal.old_log_probs if signal.sampler_log_probs is None else signal.sampler_log_probs
        old = behind.masked_fill(~signal.response_mask, 0.0)
        moved = (old + log_ratio.detach()).exp() - old.exp()
        return torch.where(signal.advantages > 0, moved > self.high, moved < -self.low)


def _from_old(signal: Signal) -> Tensor:
    """Return the log-ratio (B, T) of the old policy to the sampler, 0 where a batch has no log-probs of the sampler."""
    if signal.sampler_log_probs is None:
        return torch.zeros_like(signal.old_log_probs)
    return torch.where(signal.response_mask, signal.old_log_probs - signal.sampler_log_probs, 0.0)


@dataclass(frozen=True, slots=True)
class ResponseClip(SequenceClip):
    r"""GSPO with the gradient of the response's ratio (TRL, ROLL, OpenRLHF, NeMo-RL, slime).

    With :math:`s` the ratio of the response and :math:`A_t` the advantages of its tokens, the loss of a token is
    :math:`-\min(s A_t,\ \mathrm{clip}(s) A_t)`. The log-prob of every token changes :math:`s`.
    """

    stable_name: ClassVar = "response_clip"

    def formula(self, setup: Setup) -> Iterator[str]:
        """Yield the formula: the gradient is that of the response's ratio."""
        yield response_ratio(self.log_ratio_bound)
        yield response_loss(self)

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Return the loss of each token (B, T)."""
        ratio = compute_ratios(self._mean(log_ratio, signal), self.log_ratio_bound)  # (B, 1)
        clipped = ratio.clamp(1 - self.clip_ratio_low, 1 + self.clip_ratio_high)
        loss = -torch.minimum(ratio * signal.advantages, clipped * signal.advantages)
        return loss.expand_as(log_ratio)


@dataclass(frozen=True, slots=True)
class ResponseMeanClip(ResponseClip):
    """GSPO whose advantage is the mean of the response's advantages (AReaL)."""

    stable_name: ClassVar = "response_mean_clip"

    def formula(self, setup: Setup) -> Iterator[str]:
        """Yield the formula: the advantage of a response is the mean over its tokens."""
        yield response_ratio(self.log_ratio_bound)
        yield response_loss(self).replace("A_i", "mean_t(A_i)")

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Return the loss (B, T), equal on all tokens of a response."""
        return ResponseClip.surrogate(self, log_ratio, _averaged(signal))

    def diagnostics(self, log_ratio: Tensor, signal: Signal) -> dict[str, Tensor]:
        """Return masks (B, T) of the tokens in responses whose gradient is removed by each bound."""
        return SequenceClip.diagnostics(self, log_ratio, _averaged(signal))


def _averaged(signal: Signal) -> Signal:
    """Return the signal with one advantage per response, the mean over its kept tokens."""
    if signal.advantages.shape[1] == 1:
        return signal
    mask = signal.response_mask
    sums = torch.where(mask, signal.advantages, 0.0).sum(dim=1, keepdim=True)
    return replace(signal, advantages=sums / mask.sum(dim=1, keepdim=True).clamp(min=1))
