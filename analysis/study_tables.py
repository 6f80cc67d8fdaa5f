"""All tables of a study: scores, verdicts, side effects, curves, and the factorial reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.effects.table import effects_table
from analysis.factorial.table import factorial_table
from analysis.frame import planned
from analysis.tables import study_table
from analysis.trajectory.table import curves_table
from analysis.verdict_table import verdict_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from analysis.curves import History
    from analysis.inference.outcomes import Shares
    from analysis.tables import Table
    from harness.records import Study


def study_tables(study: Study, runs: pd.DataFrame, history: History, outcomes: Shares | None = None) -> Iterator[Table]:
    """The tables of a study that have something to say, from the runs of its experiment, curves and outcomes."""
    taken = planned(runs, study)
    yield study_table(study, runs)
    others = (
        verdict_table(study, runs, outcomes),
        effects_table(study, taken),
        curves_table(study, taken, history),
        factorial_table(study, taken),
    )
    yield from (table for table in others if table is not None)
