"""Evaluation noise: the standard error over problems and samples.

This error is not part of a verdict, which is about training seeds on these problems. It measures how far a difference
would move on other problems of the same kind. The problems are the clusters (arXiv:2411.00640).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.study import read_scores, select_finished
from harness.tracking import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analysis.stats.contrasts import Contrast
    from analysis.stats.estimates import Array


# run id -> share of correct samples by (benchmark, problem_id)
ShareReader = Callable[[str], "pd.Series[float] | None"]


def make_share_reader(results: Path, study: str) -> ShareReader:
    """Return a cached reader of ``outcomes.parquet`` by run id; it gives None without the file.

    The reader raises StoreError if a file cannot be read.
    """

    @cache
    def read(run_id: str) -> pd.Series[float] | None:
        path = results / "runs" / f"{study}.{run_id}" / "outcomes.parquet"
        if not path.exists():
            return None
        try:
            return compute_shares(pd.read_parquet(path, columns=["when", "benchmark", "problem_id", "right"]))
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(f"{path} has no outcomes; move it away to use the recorded scores instead") from error

    return read


def compute_shares(outcomes: pd.DataFrame) -> pd.Series[float]:
    """Return the share of correct samples for each problem in the final evaluation.

    The columns are those of ``harness.records.outcomes``.
    """
    final = outcomes[outcomes["when"] == "final"]
    return final.groupby(["benchmark", "problem_id"])["right"].mean()


@dataclass(frozen=True, slots=True)
class EvaluationNoise:
    """Standard error of a mean difference over problems and samples, for fixed runs."""

    se: float
    paired: bool  # by problem; else from each arm's error, which is too wide if the arms agree on problems


def estimate_evaluation_noise(
    taken: pd.DataFrame, contrast: Contrast, seeds: Sequence[int], outcomes: ShareReader | None = None
) -> EvaluationNoise | None:
    """Return the evaluation noise of a contrast over its paired seeds.

    Args:
        taken: The runs of the study (``runs.select_planned``).
        contrast: The arm and its baseline.
        seeds: The paired seeds.
        outcomes: Reader of the outcomes by problem (``make_share_reader``); None if they are not available.

    Returns:
        The standard error, or None if neither the outcomes nor the score ``<metric>/se`` are known.

    """
    found = problem_differences(taken, contrast, seeds, outcomes)
    if found is not None and (se := float(_errors(found.mean(axis=1).to_frame())[0])) >= 0:
        return EvaluationNoise(se, paired=True)
    return _unpaired(taken, contrast, seeds)


def seed_errors(
    taken: pd.DataFrame, contrast: Contrast, seeds: Sequence[int], outcomes: ShareReader | None
) -> Array | None:
    """Return the standard error of the difference for each seed, paired by problem.

    Args:
        taken: The runs of the study (``runs.select_planned``).
        contrast: The arm and its baseline.
        seeds: The paired seeds (n).
        outcomes: Reader of the outcomes by problem (``make_share_reader``); None if they are not available.

    Returns:
        Standard errors (n,), or None if outcomes are missing.

    """
    found = problem_differences(taken, contrast, seeds, outcomes)
    if found is None:
        return None
    errors = _errors(found)
    return errors if np.isfinite(errors).all() else None


def problem_differences(
    taken: pd.DataFrame, contrast: Contrast, seeds: Sequence[int], outcomes: ShareReader | None
) -> pd.DataFrame | None:
    """Return the differences in the share of correct samples, arm minus baseline.

    Args:
        taken: The runs of the study (``runs.select_planned``).
        contrast: The arm and its baseline.
        seeds: The paired seeds.
        outcomes: Reader of the outcomes by problem (``make_share_reader``); None if they are not available.

    Returns:
        One row for each problem that all runs were evaluated on, one column for each seed. None if outcomes are missing
        or the metric is not an accuracy.

    """
    benchmark = _benchmark(contrast.metric)
    if outcomes is None or benchmark is None or not len(seeds):
        return None
    arm, baseline = (_side(taken, cell, seeds, outcomes) for cell in (contrast.arm, contrast.baseline))
    if arm is None or baseline is None:
        return None
    found = (arm - baseline).dropna()
    chosen = found if benchmark == "" else found[found.index.get_level_values("benchmark") == benchmark]
    return chosen if len(chosen) else None


def _benchmark(metric: str) -> str | None:
    """Return the benchmark of an accuracy, "" for all benchmarks, or None for other scores."""
    if metric == "final/accuracy":
        return ""
    single = re.fullmatch(r"final/([^/]+)/avg@\d+", metric)
    return single[1] if single else None


def _side(taken: pd.DataFrame, cell: int, seeds: Sequence[int], outcomes: ShareReader) -> pd.DataFrame | None:
    runs = select_finished(taken)
    ids = dict(zip(runs.loc[runs["cell"] == cell, "seed"], runs.loc[runs["cell"] == cell, "run_id"], strict=True))
    found = {seed: outcomes(ids[seed]) for seed in seeds if seed in ids}
    return None if len(found) < len(seeds) or any(each is None for each in found.values()) else pd.DataFrame(found)


def _errors(differences: pd.DataFrame) -> Array:
    """Return the standard error of each column, averaged over benchmarks.

    It is nan if a benchmark has only one problem.
    """
    by_benchmark = differences.groupby(level="benchmark")
    squares = by_benchmark.var(ddof=1).div(by_benchmark.size(), axis=0)
    return np.asarray(np.sqrt(squares.sum(axis=0, skipna=False)) / len(squares), dtype=float)


def _unpaired(taken: pd.DataFrame, contrast: Contrast, seeds: Sequence[int]) -> EvaluationNoise | None:
    """Return the noise from each arm's own error.

    All runs use the same problems, so more seeds do not reduce it.
    """
    by_cell = read_scores(taken, f"{contrast.metric}/se")
    sides = [[by_cell.get(cell, {}).get(seed) for seed in seeds] for cell in (contrast.arm, contrast.baseline)]
    squares = [
        one * one + other * other for one, other in zip(*sides, strict=True) if one is not None and other is not None
    ]
    return EvaluationNoise(sqrt(sum(squares) / len(squares)), paired=False) if squares else None
