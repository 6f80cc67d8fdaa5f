"""Power analysis of a paired t test: power, smallest detectable effect, number of seeds.

The plan states these numbers in advance, and verdicts report them.

Take n pairs whose differences have the standard deviation s and a true mean difference d. The statistic is then
noncentral t with n - 1 degrees of freedom and noncentrality d sqrt(n) / s (Cohen, Statistical Power Analysis, 1988, ch.
2). The level of one contrast among m is alpha / m, as in the first step of Holm's procedure.

|t| > b means chi^2 / (n - 1) < ((z + noncentrality) / b)^2, with z standard normal and chi^2 independent of it. Power
is therefore the mean over z of the distribution function of chi^2. The mean is a sum on a grid, accurate to 1e-7.
scipy's noncentral t returns nan in its tails, which a plan with many contrasts needs.
"""

from functools import cache
from math import inf, isnan, nan, sqrt
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammainc, stdtrit

ALPHA: Final = 0.05  # two-sided
POWER: Final = 0.8
LEAST_SEEDS: Final = 6  # an exact sign-flip test of fewer pairs cannot reach p < 0.05: 2 / 2**5 > 0.05
MOST_SEEDS: Final = 100_000

_Z: Final = np.linspace(-9.0, 9.0, 3601)
_WEIGHTS: Final = np.exp(-(_Z**2) / 2) / np.exp(-(_Z**2) / 2).sum()


def power(effect: float, std_of_difference: float, n: int, alpha: float = ALPHA) -> float:
    """Return the probability that a two-sided paired t test detects a true effect.

    Args:
        effect: True mean difference.
        std_of_difference: Standard deviation of the differences, in the unit of ``effect``.
        n: Number of pairs.
        alpha: Two-sided level.

    Returns:
        The power: 0 for fewer than two pairs, nan where an input is nan.

    """
    if n < 2 or isnan(effect) or isnan(std_of_difference):
        return nan if n >= 2 else 0.0
    if std_of_difference == 0:
        return 1.0 if effect else 0.0
    return _power(abs(effect) / std_of_difference, n, alpha)


def find_detectable_effect(std_of_difference: float, n: int, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return the smallest true effect that the test detects with the given power.

    Args:
        std_of_difference: Standard deviation of the differences.
        n: Number of pairs.
        alpha: Two-sided level.
        power: Probability of detection.

    Returns:
        The effect in the unit of ``std_of_difference``; infinity for fewer than two pairs.

    """
    if n < 2:
        return inf
    return std_of_difference * _detectable(n, alpha, power) if std_of_difference else 0.0


def find_seeds_needed(effect: float, std_of_difference: float, alpha: float = ALPHA, power: float = POWER) -> int:
    """Return the smallest number of pairs, at least two, that detects an effect.

    A verdict from fewer than ``LEAST_SEEDS`` pairs stays exploratory.

    Args:
        effect: True mean difference.
        std_of_difference: Standard deviation of the differences, in the unit of ``effect``.
        alpha: Two-sided level.
        power: Probability of detection.

    Returns:
        The number of pairs.

    Raises:
        ValueError: The effect is zero, or would take more than ``MOST_SEEDS`` pairs.

    """
    target = abs(effect)
    if not target > 0 or find_detectable_effect(std_of_difference, MOST_SEEDS, alpha, power) > target:
        raise ValueError(f"no number of seeds up to {MOST_SEEDS} detects an effect of {effect:g}")
    few, enough = 1, 2
    while find_detectable_effect(std_of_difference, enough, alpha, power) > target:
        few, enough = enough, 2 * enough
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (
            (few, middle)
            if find_detectable_effect(std_of_difference, middle, alpha, power) <= target
            else (middle, enough)
        )
    return enough


@cache
def _detectable(n: int, alpha: float, target_power: float) -> float:
    """Return the smallest detectable effect in standard deviations."""
    high = 1.0
    while _power(high, n, alpha) < target_power:
        high *= 2
    return float(brentq(lambda effect: _power(effect, n, alpha) - target_power, 0.0, high, xtol=1e-10))


def _power(effect: float, n: int, alpha: float) -> float:
    """Return the power for an effect in standard deviations."""
    half, bound = (n - 1) / 2, stdtrit(n - 1, 1 - alpha / 2)
    return float(_WEIGHTS @ gammainc(half, half * ((_Z + effect * sqrt(n)) / bound) ** 2))
