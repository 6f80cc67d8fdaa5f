"""All tables of a study: its scores and its verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.tables import study_table
from analysis.verdict_table import verdict_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from analysis.tables import Table
    from harness.records import Study


def study_tables(study: Study, runs: pd.DataFrame) -> Iterator[Table]:
    """The tables of a study that have something to say, from the runs of its experiment."""
    yield study_table(study, runs)
    for table in (verdict_table(study, runs),):
        if table is not None:
            yield table
