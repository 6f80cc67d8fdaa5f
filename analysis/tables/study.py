"""All tables of a study: scores, verdicts, secondary effects, curves, factorial analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.study.frame import planned
from analysis.tables.curves import curves_table
from analysis.tables.effects import effects_table
from analysis.tables.factorial import factorial_table
from analysis.tables.scores import study_table
from analysis.tables.verdicts import verdict_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from analysis.curves.bands import History
    from analysis.stats.evaluation import Shares
    from analysis.tables.scores import ResultTable
    from harness.records.record import Study


def study_tables(
    study: Study, runs: pd.DataFrame, history: History, outcomes: Shares | None = None
) -> Iterator[ResultTable]:
    """Yield the tables of a study that are not empty.

    Args:
        study: The study.
        runs: The runs of its experiment (``frame.runs_frame``).
        history: Metric -> run id -> curve.
        outcomes: Reader of the outcomes by problem (``shares_of``); None if they are not available.

    """
    taken = planned(runs, study)
    yield study_table(study, runs)
    others = (
        verdict_table(study, runs, outcomes),
        effects_table(study, taken),
        curves_table(study, taken, history),
        factorial_table(study, taken),
    )
    yield from (table for table in others if table is not None)
