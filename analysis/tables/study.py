"""All tables of a study, and files of earlier commands that no study has.

Files of earlier commands are listed, and never deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.study import select_planned
from analysis.tables.curves import build_curves_table
from analysis.tables.factorial import build_factorial_table
from analysis.tables.scores import build_study_table
from analysis.tables.verdicts import build_effects_table, build_verdict_table
from harness.records import AUDIT_NAME as VERIFIER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    import pandas as pd

    from analysis.curves import History
    from analysis.stats import ShareReader
    from analysis.tables.scores import ResultTable
    from harness.records import Study


def build_study_tables(
    study: Study, runs: pd.DataFrame, history: History, outcomes: ShareReader | None = None
) -> Iterator[ResultTable]:
    """Yield the tables of a study that are not empty.

    Args:
        study: The study.
        runs: The runs of its experiment (``runs.build_runs_frame``).
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


_ENDINGS: Final = frozenset({".md", ".csv", ".tex", ".svg", ".png"})
_OTHERS: Final = (VERIFIER, "replay", "difficulty", "guide")  # name prefixes of the files of other commands


def find_leftovers(folder: Path, written: Collection[Path]) -> list[str]:
    """Return the names of files in ``folder`` that the current command did not write.

    Args:
        folder: The user's own tables or figures.
        written: The files written by this command, which covered all studies of the store.

    Returns:
        Names in order, without the files of other commands.

    """
    names = {path.name for path in written}
    return sorted(name for name in _results(folder) if name not in names)


def describe_leftovers(folder: Path, written: Collection[Path]) -> str | None:
    """Return a line that lists the leftovers of a folder; None if there are none."""
    found = find_leftovers(folder, written)
    if not found:
        return None
    files = "1 file" if len(found) == 1 else f"{len(found)} files"
    return f"{folder}: {files} of runs that are not in this store; delete those you do not need: {', '.join(found)}"


def _results(folder: Path) -> Iterator[str]:
    for path in folder.iterdir() if folder.is_dir() else ():
        hidden = path.name.startswith(".")
        if path.suffix in _ENDINGS and path.name.partition(".")[0] not in _OTHERS and not hidden:
            yield path.name
