"""Scores of two cells, seed by seed, and the seeds under which a run failed."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.inference.paired_test import level

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.frame import Failures
    from analysis.inference.contrast import Contrast

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Failed:
    """A seed without a difference, because a run failed for a reason of its arm, or may have."""

    seed: int
    arm: float  # weight of the cells on the arm's side that failed; 0 for none
    baseline: float
    certain: bool  # whether the reasons are known


@dataclass(frozen=True, slots=True)
class Pairs:
    """Scores (n,) of arm and baseline under the seeds that both have, in rising order; n may be 0.

    ``failed`` are further seeds, of which ``differences`` and all estimates know nothing: they are of survivors.
    """

    seeds: tuple[int, ...]
    arm: Array
    baseline: Array
    failed: tuple[Failed, ...] = ()

    @property
    def judged(self) -> int:
        """The number of seeds that a verdict stands on; failures for an unknown reason do not count."""
        return len(self.seeds) + sum(each.certain for each in self.failed)

    @property
    def testable(self) -> bool:
        """Tell whether there are two pairs to test, counting failures for a known reason."""
        return self.judged > 1

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
        return float(np.mean((gaps > 0) + 0.5 * (gaps == 0))) if gaps.size else nan


def pairs(by_cell: Mapping[int, Mapping[int, float]], contrast: Contrast, lost: Failures | None = None) -> Pairs:
    """Return the finite scores of a contrast under common seeds, and the seeds under which a side failed.

    Args:
        by_cell: Cell -> seed -> score (``frame.scores``).
        contrast: What is compared.
        lost: Cell -> seed -> reason (``frame.failures``); without it failures are missing.

    Returns:
        Scores of the seeds that both have. A seed counts as failed where one side failed, and the other failed too
        or has a score.

    """
    arm, baseline = by_cell.get(contrast.arm, {}), by_cell.get(contrast.baseline, {})
    seeds = tuple(
        seed for seed in sorted(arm.keys() & baseline.keys()) if isfinite(arm[seed]) and isfinite(baseline[seed])
    )
    ones, others = (np.array([side[seed] for seed in seeds], dtype=float) for side in (arm, baseline))
    return Pairs(seeds, ones, others, tuple(_failed(by_cell, contrast, lost or {})))


def _failed(by_cell: Mapping[int, Mapping[int, float]], contrast: Contrast, lost: Failures) -> Iterator[Failed]:
    sides = [(by_cell.get(cell, {}), lost.get(cell, {})) for cell in (contrast.arm, contrast.baseline)]
    for seed in sorted({seed for _, reasons in sides for seed in reasons}):
        if all(seed in reasons or isfinite(scored.get(seed, nan)) for scored, reasons in sides):
            arm, baseline = (float(seed in reasons) for _, reasons in sides)
            yield Failed(seed, arm, baseline, all(reasons.get(seed) != "unknown" for _, reasons in sides))
