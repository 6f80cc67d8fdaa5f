"""Scores of two cells, seed by seed."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.inference.paired_test import level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.inference.contrast import Contrast

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Scores (n,) of arm and baseline under the seeds that both have, in rising order; n may be 0."""

    seeds: tuple[int, ...]
    arm: Array
    baseline: Array

    @property
    def differences(self) -> Array:
        """Arm minus baseline (n,)."""
        return self.arm - self.baseline

    @property
    def level(self) -> bool:
        """Whether all differences are equal but for rounding."""
        return bool(level(self.arm, self.baseline))

    @property
    def correlation(self) -> float:
        """Realised between the arms, over seeds; nan below three pairs, and where an arm does not vary."""
        if len(self.seeds) < 3 or not (np.ptp(self.arm) and np.ptp(self.baseline)):
            return nan
        return float(np.corrcoef(self.arm, self.baseline)[0, 1])

    @property
    def improvement(self) -> float:
        """Probability that a run of the arm beats one of the baseline, whatever their seeds; a tie counts half.

        arXiv:2108.13264, sec. 4.3 (Mann-Whitney's U over n * n).
        """
        gaps = self.arm[:, None] - self.baseline[None, :]
        return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))


def pairs(by_cell: Mapping[int, Mapping[int, float]], contrast: Contrast) -> Pairs:
    """The finite scores of a contrast under common seeds. ``by_cell``: cell -> seed -> score (``frame.scores``)."""
    arm, baseline = by_cell.get(contrast.arm, {}), by_cell.get(contrast.baseline, {})
    seeds = tuple(
        seed for seed in sorted(arm.keys() & baseline.keys()) if isfinite(arm[seed]) and isfinite(baseline[seed])
    )
    return Pairs(seeds, *(np.array([side[seed] for seed in seeds], dtype=float) for side in (arm, baseline)))
