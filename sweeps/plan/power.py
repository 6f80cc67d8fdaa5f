"""Power analysis of a grid: the smallest detectable effect, and the seeds for an effect.

Both are for 80 % power. The level is that of the first step of Holm's procedure over the primary contrasts, alpha / m,
which is the hardest one to reject. ``harness.records.power`` does the computations, for this and for the verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import TYPE_CHECKING

from scipy.special import stdtrit

from harness.records.power import ALPHA, LEAST_SEEDS, find_detectable_effect, find_seeds_needed
from harness.records.record import CONTROL_AXIS, CONTROL_OFF
from sweeps.plan.noise import Noise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sweeps.grid.grid import Grid

    Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PowerAnalysis:
    """The power of one kind of comparison that the grid makes."""

    metric: str
    comparisons: int  # number of comparisons that share the level
    primary: bool  # True if they are declared; others are exploratory, at the full level
    cells: int  # cells per side: 1 for a contrast, half of all cells for a main effect
    seeds: int
    noise: Noise

    @property
    def level(self) -> float:
        """The significance level of one comparison."""
        return ALPHA / max(self.comparisons, 1) if self.primary else ALPHA

    @property
    def std(self) -> float:
        """The standard deviation of the comparison with one seed.

        It assumes independent cells of equal noise.
        """
        return self.noise.std / sqrt(self.cells)

    @property
    def smallest(self) -> float:
        """The smallest effect detected with 80 % power.

        It is infinite with one seed, and nan where the noise is not known.
        """
        return find_detectable_effect(self.std, self.seeds, self.level)

    @property
    def least_margin(self) -> float:
        """The largest margin at which equal arms are not called equivalent at level 0.05."""
        if self.seeds < 2:
            return inf
        return float(stdtrit(self.seeds - 1, 1 - ALPHA)) * self.std / sqrt(self.seeds)

    def needed(self, effect: float) -> int | None:
        """Return the seeds that detect an effect of this size with 80 % power, at least six.

        With fewer seeds a verdict would be exploratory. Returns None where no number of seeds is enough, or where the
        noise is
        not known.
        """
        if not self.noise.known:
            return None
        try:
            return max(find_seeds_needed(effect, self.std, self.level), LEAST_SEEDS)
        except ValueError:
            return None

    def with_seeds(self, seeds: int) -> PowerAnalysis:
        """Return the same analysis with another number of seeds."""
        return replace(self, seeds=seeds)


def analyze_power(grid: Grid, cells: Sequence[Labels], noise: Noise) -> PowerAnalysis | None:
    """Return the power of the comparisons of the planned cells.

    Args:
        grid: the grid
        cells: the labels of the planned cells
        noise: the noise of the metric

    Returns:
        The analysis, or None where the grid has neither a baseline nor a factorial.

    """
    if grid.fraction:
        factors = sum(len({cell[axis] for cell in cells}) > 1 for axis in grid.axes if axis != CONTROL_AXIS)
        return PowerAnalysis(grid.metric, factors, False, max(len(cells) // 2, 1), len(grid.seeds), noise)
    arms = find_planned_contrasts(grid, cells)
    declared = [arm for arm in arms if is_primary(grid, arm)]
    if not arms:
        return None
    return PowerAnalysis(grid.metric, len(declared or arms), bool(declared), 1, len(grid.seeds), noise)


def find_planned_contrasts(grid: Grid, cells: Sequence[Labels]) -> list[Labels]:
    """Return the cells whose baseline is another planned cell; controls do not count."""
    planned = {frozenset(cell.items()) for cell in cells}
    usual = [cell for cell in cells if cell.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF]
    return [
        cell
        for cell in usual
        if (back := find_baseline_labels(grid, cell)) and back != cell and frozenset(back.items()) in planned
    ]


def find_baseline_labels(grid: Grid, cell: Labels) -> Labels:
    """Return the labels of the cell's baseline; empty where the grid has no baseline."""
    return {**cell, **grid.baseline} if grid.baseline else {}


def is_primary(grid: Grid, arm: Labels) -> bool:
    """Return True if the contrast of this cell is declared as primary."""
    return grid.primary is None or any(part.covers(arm) for part in grid.primary)
