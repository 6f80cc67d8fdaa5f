"""All tables of a study: scores, verdicts, secondary effects, curves, factorial analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.study.frame import select_planned
from analysis.tables.curves import build_curves_table
from analysis.tables.effects import build_effects_table
from analysis.tables.factorial import build_factorial_table
from analysis.tables.scores import build_study_table
from analysis.tables.verdicts import build_verdict_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from analysis.curves.bands import History
    from analysis.stats.evaluation import ShareReader
    from analysis.tables.scores import ResultTable
    from harness.records.record import Study


def build_study_tables(
    study: Study, runs: pd.DataFrame, history: History, outcomes: ShareReader | None = None
) -> Iterator[ResultTable]:
    """Yield the tables of a study that are not empty.

    Args:
        study: The study.
        runs: The runs of its experiment (``frame.build_runs_frame``).
        history: Metric -> run id -> curve.
        outcomes: Reader of the outcomes by problem (``make_share_reader``); None if they are not available.

    """
    taken = select_planned(runs, study)
    yield build_study_table(study, runs)
    others = (
        build_verdict_table(study, runs, outcomes),
        build_effects_table(study, taken),
        build_curves_table(study, taken, history),
        build_factorial_table(study, taken),
    )
    yield from (table for table in others if table is not None)
