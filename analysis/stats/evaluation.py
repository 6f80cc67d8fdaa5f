"""Noise of the evaluation: other problems and other samples."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.study.frame import finished, scores
from harness.tracking.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analysis.stats.bootstrap import Array
    from analysis.stats.contrasts import Contrast


Shares = Callable[[str], "pd.Series[float] | None"]  # run id -> share right by (benchmark, problem_id)


def shares_of(results: Path, study: str) -> Shares:
    """Reads ``outcomes.parquet`` of a run when asked, once; None where there is none.

    Raises StoreError for a file that cannot be read.
    """

    @cache
    def read(run_id: str) -> pd.Series[float] | None:
        path = results / "runs" / f"{study}.{run_id}" / "outcomes.parquet"
        if not path.exists():
            return None
        try:
            return shares(pd.read_parquet(path, columns=["when", "benchmark", "problem_id", "right"]))
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(f"{path} does not hold outcomes; move it away, and scores stand in for it") from error

    return read


def shares(outcomes: pd.DataFrame) -> pd.Series[float]:
    """Share of right samples of each problem in the final evaluation; columns as in ``harness.records.outcomes``."""
    final = outcomes[outcomes["when"] == "final"]
    return final.groupby(["benchmark", "problem_id"])["right"].mean()


@dataclass(frozen=True, slots=True)
class EvaluationNoise:
    """Standard error of a mean difference over problems and samples, the runs being what they are."""

    se: float
    paired: bool  # by problem; if not, from each arm's own error, which is too wide where arms agree on problems


def evaluation_noise(
    taken: pd.DataFrame, contrast: Contrast, seeds: Sequence[int], outcomes: Shares | None = None
) -> EvaluationNoise | None:
    """Of a contrast over its paired seeds; None where neither outcomes nor ``<metric>/se`` tell it."""
    found = problem_differences(taken, contrast, seeds, outcomes)
    if found is not None and (se := float(_errors(found.mean(axis=1).to_frame())[0])) >= 0:
        return EvaluationNoise(se, paired=True)
    return _unpaired(taken, contrast, seeds)


def seed_errors(taken: pd.DataFrame, contrast: Contrast, seeds: Sequence[int], outcomes: Shares | None) -> Array | None:
    """Standard errors (n,) of the difference under each seed, paired by problem; None where outcomes are missing."""
    found = problem_differences(taken, contrast, seeds, outcomes)
    if found is None:
        return None
    errors = _errors(found)
    return errors if np.isfinite(errors).all() else None


def problem_differences(
    taken: pd.DataFrame, contrast: Contrast, seeds: Sequence[int], outcomes: Shares | None
) -> pd.DataFrame | None:
    """Share right, arm minus baseline: one row a problem that all runs were asked, one column a seed."""
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
    """Empty for accuracy over all benchmarks; None for scores that are no shares of right samples."""
    if metric == "final/accuracy":
        return ""
    single = re.fullmatch(r"final/([^/]+)/avg@\d+", metric)
    return single[1] if single else None


def _side(taken: pd.DataFrame, cell: int, seeds: Sequence[int], outcomes: Shares) -> pd.DataFrame | None:
    runs = finished(taken)
    ids = dict(zip(runs.loc[runs["cell"] == cell, "seed"], runs.loc[runs["cell"] == cell, "run_id"], strict=True))
    found = {seed: outcomes(ids[seed]) for seed in seeds if seed in ids}
    return None if len(found) < len(seeds) or any(each is None for each in found.values()) else pd.DataFrame(found)


def _errors(differences: pd.DataFrame) -> Array:
    """Of the mean over benchmarks of means over problems, by column; nan where a benchmark has one problem."""
    by_benchmark = differences.groupby(level="benchmark")
    squares = by_benchmark.var(ddof=1).div(by_benchmark.size(), axis=0)
    return np.asarray(np.sqrt(squares.sum(axis=0, skipna=False)) / len(squares), dtype=float)


def _unpaired(taken: pd.DataFrame, contrast: Contrast, seeds: Sequence[int]) -> EvaluationNoise | None:
    """All runs are asked the same problems, so that more seeds do not make it smaller."""
    by_cell = scores(taken, f"{contrast.metric}/se")
    sides = [[by_cell.get(cell, {}).get(seed) for seed in seeds] for cell in (contrast.arm, contrast.baseline)]
    squares = [
        one * one + other * other for one, other in zip(*sides, strict=True) if one is not None and other is not None
    ]
    return EvaluationNoise(sqrt(sum(squares) / len(squares)), paired=False) if squares else None
