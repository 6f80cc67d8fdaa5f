"""Numbers of findings as people read them."""

from __future__ import annotations

from math import exp, floor, isfinite, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.takeaways.cost import Ratio
    from analysis.takeaways.finding import PartFinding


def shown(part: PartFinding) -> str:
    """``+0.051 [+0.012, +0.090] (6)``, a ratio as ``1.15 [1.10, 1.20] (6)``; a dash where there is none.

    Seeds that failed stand behind it: ``+0.051 [+0.012, +0.090] (6), 6 of 12 seeds failed``.
    """
    failed = f", {part.failed}" if part.failed else ""
    if part.difference is None:
        return f"—{failed}"
    signed = not part.ratio and len(part.cells) > 1
    return spanned(part.difference, part.low, part.high, len(part.seeds), signed) + failed


def ratio(found: Ratio | None) -> str:
    """``1.15 [1.10, 1.20] (6)``; a dash where there is none."""
    return "—" if found is None else spanned(found.value, found.low, found.high, found.seeds, False)


def spanned(value: float, low: float | None, high: float | None, seeds: int, signed: bool) -> str:
    """A number with its interval and the seeds behind it, to two digits of the interval's width."""
    sign = "+" if signed else ""
    if low is None or high is None:
        return f"{value:{sign}.3g} ({seeds})"
    digits = _digits((high - low) / 2)
    return f"{value:{sign}.{digits}f} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}] ({seeds})"


def could_show(part: PartFinding) -> str:
    """The smallest true effect that the runs of a part would find; of a ratio, as a factor. Empty where unknown."""
    if part.detectable is None or not isfinite(part.detectable):
        return ""
    return f"x {exp(part.detectable):.3g}" if part.ratio else f"{part.detectable:.2g}"


def probability(p: float | None) -> str:
    """``0.034``; ``< 0.001``; empty where there is none."""
    if p is None or not isfinite(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _digits(half_width: float) -> int:
    return min(max(1 - floor(log10(half_width)), 0), 5) if half_width > 0 and isfinite(half_width) else 3
