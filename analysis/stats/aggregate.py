"""Aggregates over seeds and benchmarks: IQM and probability of improvement.

They follow rliable (arXiv:2108.13264) with one change. rliable resamples the runs of each task independently, because
its tasks have separate runs. Here every run is scored on all benchmarks, so a replicate resamples whole seeds. This
keeps the correlation between a seed's scores. The percentiles are expanded as in ``estimates`` (Hesterberg,
arXiv:1411.5279), without its shift.

Failed runs are excluded: if an arm has failed runs, its aggregates describe the surviving runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtr, stdtrit
from scipy.stats import trim_mean

from analysis.stats.estimates import CONFIDENCE, make_generator
from analysis.study import format_labels, read_scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from analysis.stats.contrasts import Contrast
    from analysis.stats.estimates import Array
    from harness.records import Study

    Resampled = Callable[[NDArray[np.int64]], Array]  # indices of seeds (R, n) -> R values

REPLICATES: Final = 1_999


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A number over seeds and benchmarks with its 95 % confidence interval."""

    value: float
    interval: tuple[float, float]  # infinite for one seed
    seeds: tuple[int, ...]
    benchmarks: tuple[str, ...]  # the strata; only the study's metric if there are no scores by benchmark


def iqm_difference(study: Study, taken: pd.DataFrame, contrast: Contrast) -> Aggregate | None:
    """Return the IQM of the arm minus the IQM of the baseline over paired seeds.

    Args:
        study: The study of the contrast.
        taken: The runs of the study (``runs.select_planned``).
        contrast: The arm and its baseline.

    Returns:
        The difference with its 95 % interval, or None if the two cells have no common seed.

    """
    return _of_both(study, taken, contrast, "iqm difference", _middles_apart)


def estimate_improvement(study: Study, taken: pd.DataFrame, contrast: Contrast) -> Aggregate | None:
    """Return the probability that a run of the arm scores higher than a run of the baseline.

    Args:
        study: The study of the contrast.
        taken: The runs of the study (``runs.select_planned``).
        contrast: The arm and its baseline.

    Returns:
        The mean probability over benchmarks with its 95 % interval (arXiv:2108.13264, sec. 4.3). A tie counts one half.
        None if the two cells have no common seed.

    """
    return _of_both(study, taken, contrast, "improvement", _wins)


def _of_both(
    study: Study, taken: pd.DataFrame, contrast: Contrast, what: str, number: Callable[[Array, Array], Resampled]
) -> Aggregate | None:
    cells = contrast.arm, contrast.baseline
    names = _strata(study, taken, cells)
    seeds = _common(taken, names, cells)
    if not seeds:
        return None
    arm, baseline = _matrices(taken, names, seeds, cells)
    return _aggregate(number(arm, baseline), _key(study, what, *cells), seeds, names)


def _strata(study: Study, taken: pd.DataFrame, cells: Sequence[int]) -> tuple[str, ...]:
    """Return the accuracies on the benchmarks that all cells share, else the study's metric."""
    single = [str(name) for name in taken if re.fullmatch(r"final/[^/]+/avg@\d+", str(name))]
    shared = tuple(name for name in single if {*cells} <= read_scores(taken, name).keys())
    return shared if shared and study.metric == "final/accuracy" else (study.metric,)


def _common(taken: pd.DataFrame, names: Sequence[str], cells: Sequence[int]) -> tuple[int, ...]:
    """Return the seeds for which all cells have all scores."""
    found = [by_cell.get(cell, {}) for by_cell in (read_scores(taken, name) for name in names) for cell in cells]
    return tuple(sorted(set.intersection(*({seed for seed in each if isfinite(each[seed])} for each in found))))


def _matrices(taken: pd.DataFrame, names: Sequence[str], seeds: Sequence[int], cells: Sequence[int]) -> list[Array]:
    """Return the scores (seeds, benchmarks) of each cell."""
    by_name = [read_scores(taken, name) for name in names]
    return [np.array([[by_cell[cell][seed] for by_cell in by_name] for seed in seeds], dtype=float) for cell in cells]


def _aggregate(number: Resampled, key: Sequence[str], seeds: tuple[int, ...], names: tuple[str, ...]) -> Aggregate:
    n = len(seeds)
    value = float(number(np.arange(n)[None])[0])
    if n < 2:
        return Aggregate(value, (-inf, inf), seeds, names)
    found = number(make_generator(*key).integers(n, size=(REPLICATES, n)))
    tail = float(ndtr(-sqrt(n / (n - 1)) * stdtrit(n - 1, (1 + CONFIDENCE) / 2)))
    low, high = np.quantile(found, [tail, 1 - tail])
    return Aggregate(value, (float(low), float(high)), seeds, names)


def _middle(samples: Array) -> Array:
    """Return the IQM (R,) of samples (R, n, benchmarks)."""
    return np.asarray(trim_mean(samples.reshape(len(samples), -1), 0.25, axis=1))


def _middles_apart(arm: Array, baseline: Array) -> Resampled:
    return lambda rows: _middle(arm[rows]) - _middle(baseline[rows])


def _wins(arm: Array, baseline: Array) -> Resampled:
    gaps = arm[:, None] - baseline[None]  # (n, n, benchmarks)
    wins = ((gaps > 0) + 0.5 * (gaps == 0)).mean(axis=-1)
    return lambda rows: np.asarray(wins[rows[:, :, None], rows[:, None, :]].mean(axis=(1, 2)))


def _key(study: Study, what: str, *cells: int) -> tuple[str, ...]:
    return study.name, study.profile, what, *(format_labels(study.cells[cell]) for cell in cells)
