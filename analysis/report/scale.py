"""Linear scales for drawings: from values to places, and round numbers for ticks."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from ``low`` to ``high`` onto places from ``start`` to ``end`` (SVG user units)."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value, to a tenth of a unit; values outside stay at the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, about: int) -> tuple[float, ...]:
        """About so many round numbers between low and high."""
        step = _round((self.high - self.low) / about)
        return tuple(
            round(k * step, 12) for k in range(ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9) + 1)
        )


def spanning(values: Iterable[float], start: float, end: float, room: float = 0.04) -> Scale:
    """The scale that shows all finite values, with a share of ``room`` on both sides; never of no width."""
    finite = [value for value in values if isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    width = (high - low) or abs(high) or 1.0
    return Scale(low - room * width, high + room * width, start, end)


def tick_text(value: float) -> str:
    """A tick in few signs: ``0.05``, ``250``, ``1.2e-05``."""
    return f"{value:.6g}"


def _round(step: float) -> float:
    """1, 2 or 5 times a power of ten, the nearest to ``step`` by ratio."""
    power = 10.0 ** floor(log10(step))
    return min((power * factor for factor in (1, 2, 5, 10)), key=lambda round_: abs(log10(round_ / step)))
