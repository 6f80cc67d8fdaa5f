"""Weighted means and variances of segments of a batch, such as groups. Sums use float64.

Values and weights are (B, C) with C of 1 or T. ``index`` (B,) gives the segment of each sample. Results are (B, 1):
every sample has the number of its segment. For C = 1, equal values have exactly their value as mean and variance 0,
because the mean is clamped to the range of the values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tricks.api import TrickError
from tricks.tensors import torch

if TYPE_CHECKING:
    from torch import Tensor

EpsRule = Literal["added", "floored", "added_to_variance", "floored_variance"]


def renumber_groups(group: Tensor) -> Tensor:
    """Return group ids (B,) renumbered as 0, 1, ..."""
    index: Tensor = torch.unique(group, return_inverse=True)[1]
    return index


def segment_sum(values: Tensor, index: Tensor) -> Tensor:
    """Return the sum over each sample's segment (B, 1), float64.

    The values of one sample are first summed in their own precision.
    """
    sums = values.new_zeros(int(index.max()) + 1, dtype=torch.float64)
    return sums.index_add_(0, index, values.sum(dim=1).double())[index][:, None]


def segment_mean(values: Tensor, weights: Tensor, index: Tensor) -> Tensor:
    """Return the weighted mean of each sample's segment.

    Args:
        values: (B, C) with C of 1 or T
        weights: (B, C), at least 0
        index: segment of each sample (B,), int64

    Returns:
        Means (B, 1), float64; 0 where no value has weight.

    """
    weight = segment_sum(weights, index)
    found = segment_sum(values * weights, index) / weight.where(weight > 0, 1.0)
    if values.shape[1] > 1:
        return found
    within = found.clamp(_extreme(values, weights, index, "amin"), _extreme(values, weights, index, "amax"))
    return within.where(weight > 0, 0.0)


def leave_one_out_mean(values: Tensor, weights: Tensor, index: Tensor) -> Tensor:
    """Return the weighted mean of the other samples of each sample's segment.

    Args:
        values: (B, 1)
        weights: (B, 1), at least 0
        index: segment of each sample (B,), int64

    Returns:
        Means (B, 1); 0 where no other sample has weight.

    """
    weight, centre = segment_sum(weights, index) - weights, segment_mean(values, weights, index)
    found = centre + (centre - values) * weights / weight.where(weight > 0, 1.0)  # exact where all values are equal
    return found.where(weight > 0, 0.0)


def segment_variance(values: Tensor, weights: Tensor, index: Tensor, centre: Tensor, ddof: int) -> Tensor:
    """Return the weighted variance of each sample's segment about a given center.

    Args:
        values: (B, C) with C of 1 or T
        weights: (B, C), at least 0
        index: segment of each sample (B,), int64
        centre: the center of each sample's segment (B, 1)
        ddof: number that is subtracted from the denominator

    Returns:
        Variances (B, 1), float64.

    """
    squares = (values - centre).square_().mul_(weights)
    return segment_sum(squares, index) / (segment_sum(weights, index) - ddof).clamp(min=1)


def leave_one_out_variance(values: Tensor, weights: Tensor, index: Tensor, ddof: int) -> Tensor:
    """Return the variance of the other samples of each sample's segment about their own mean.

    With :math:`d_i` the distance to the mean of all and :math:`S` the sum of squares about it, the others have
    :math:`S - w_i d_i^2 - (w_i d_i)^2 / (W - w_i)`. A remainder below 1e-12 of S is rounding and counts as 0.

    Args:
        values: (B, 1)
        weights: (B, 1), at least 0
        index: segment of each sample (B,), int64
        ddof: number that is subtracted from the denominator

    Returns:
        Variances (B, 1), float64.

    """
    distance = values - segment_mean(values, weights, index)
    squares, weight = segment_sum(weights * distance.square(), index), segment_sum(weights, index) - weights
    own = weights * distance
    left = squares - own * distance - own.square() / weight.where(weight > 0, 1.0)
    left = left.where(left > 1e-12 * squares, 0.0)
    return left / (weight - ddof).clamp(min=1)


def std_divisor(variance: Tensor, eps: float, rule: EpsRule) -> Tensor:
    """Return the standard deviation to divide by, kept away from 0 by ``eps``.

    Args:
        variance: (B, 1)
        eps: the small number
        rule: where ``eps`` enters

    Returns:
        Standard deviations (B, 1).

    Raises:
        TrickError: the squares overflowed. An infinite divisor would silently make every advantage 0.

    """
    if bool(variance.isinf().any()):
        raise TrickError("the standard deviation overflows; divide the rewards by a constant, such as the largest")
    match rule:
        case "added":
            return variance.sqrt() + eps
        case "floored":
            return variance.sqrt().clamp(min=eps)
        case "added_to_variance":
            return (variance + eps).sqrt()
        case "floored_variance":
            return variance.clamp(min=eps).sqrt()


def _extreme(values: Tensor, weights: Tensor, index: Tensor, reduction: str) -> Tensor:
    """Return the extreme value with weight in each sample's segment (B, 1).

    ``reduction`` is "amin" for the smallest and "amax" for the largest value.
    """
    none = torch.inf if reduction == "amin" else -torch.inf
    counted: Tensor = getattr(torch, reduction)(values.where(weights > 0, none), dim=1)
    found = counted.new_full((int(index.max()) + 1,), none, dtype=torch.float64)
    return found.scatter_reduce_(0, index, counted.double(), reduction)[index][:, None]
