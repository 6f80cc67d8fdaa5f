"""Outcomes of a run's last evaluation, problem by problem, where its folder is still there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

from harness.store_errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

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
    """Share of right samples of each problem in the final evaluation; columns as in ``harness.outcomes``."""
    final = outcomes[outcomes["when"] == "final"]
    return final.groupby(["benchmark", "problem_id"])["right"].mean()
