r"""How long responses are: an exponential law that the limit cuts off.

With scale :math:`\lambda` and limit :math:`L` a share :math:`e^{-t/\lambda}` runs beyond token t < L, and the mean is
:math:`\lambda (1 - e^{-L/\lambda})`. One number, the mean, fixes it. Real lengths have a lighter bulk and a heavier
tail; the tail is given its due by letting the longest response of a batch run to the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp, inf, log
from typing import Final

from scipy.optimize import brentq

_ALL_CUT: Final = 0.995  # of the limit; a mean above is taken for one
_EULER: Final = 0.5772  # the largest of n exponentials is about ln n + this, in scales


@dataclass(frozen=True, slots=True)
class Lengths:
    """Response lengths by their mean and limit, in tokens."""

    mean: float
    limit: int

    @property
    def scale(self) -> float:
        """Of the law without a limit; infinite where nearly every response is cut."""
        return _scale(min(self.mean / self.limit, 1.0)) * self.limit

    def running(self, tokens: float) -> float:
        """Share of responses longer than so many tokens, below the limit."""
        return exp(-tokens / self.scale)

    def square(self, prompt: float) -> float:
        """Mean of the squared length of prompt and response."""
        scale, limit = self.scale, self.limit
        square = float(limit**2) if scale == inf else 2 * scale * (scale - (limit + scale) * exp(-limit / scale))
        return prompt**2 + 2 * prompt * self.mean + square

    def longest(self, responses: float) -> float:
        """Expected length of the longest of so many."""
        return min(self.limit, self.scale * (log(max(responses, 1.0)) + _EULER))


@cache
def _scale(mean: float) -> float:
    """In limits, for a mean in limits."""
    if mean >= _ALL_CUT:
        return inf
    return float(brentq(lambda scale: scale * (1 - exp(-1 / scale)) - mean, 1e-6, 1e6))
