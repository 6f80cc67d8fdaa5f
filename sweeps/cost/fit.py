"""Fit the two constants on the published steps: ``python -m sweeps.cost.fit``."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import least_squares

from sweeps.cost.constants import FITTED, Fitted
from sweeps.cost.published import POINTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sweeps.cost.published import Point

GROUND: Final = tuple(point for point in POINTS if not point.trainer)

ROUGHLY: Final = 0.15  # log ratios beyond weigh less: one point with a wrong assumption must not bend the rest


def fit(points: Sequence[Point] = GROUND) -> Fitted:
    """The constants with the smallest sum of squared log ratios of predicted to published seconds."""

    def ratios(scaled: np.ndarray) -> list[float]:
        tried = Fitted(*(float(value) for value in scaled * start))
        return [log(point.predicted(tried) / point.seconds) for point in points]

    start = np.array([FITTED.compute_share, FITTED.sequence_seconds])
    found = least_squares(ratios, (1.0, 1.0), bounds=(0.05, 20.0), loss="soft_l1", f_scale=ROUGHLY).x
    return Fitted(*(float(value) for value in found * start))


def left_out(point: Point) -> float:
    """Error of the prediction of a point by constants that never saw it."""
    return point.error(fit([other for other in GROUND if other is not point]))


def main() -> None:
    """Print the constants, and every point with its errors."""
    found = fit()
    print(f"compute_share {found.compute_share:.3f}, sequence_seconds {found.sequence_seconds:.2e}")
    for point in POINTS:
        alone = f"{left_out(point):+5.0%} left out" if point in GROUND else "never fitted"
        times = f"{point.seconds:6.1f} {point.predicted(found):6.1f} {point.error(found):+5.0%}"
        print(f"{point.model:26} {point.cluster:9} {times} {alone}")


if __name__ == "__main__":
    main()
