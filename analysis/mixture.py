"""Runs that do not belong in one table: of different code or on different machines."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from analysis.frame import finished, planned
from analysis.text import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from harness.records import Study

ASK: Final = "run the others again, or ask for one table of all with MIXED=1, which says so under it"


def mixture(study: Study, runs: pd.DataFrame) -> str | None:
    """Why the finished runs of a study do not make one table, with the way out; None where they do."""
    taken = finished(planned(runs, study)).drop_duplicates("run_id")
    reasons = list(_reasons(taken))
    if not reasons:
        return None
    return f"{study.name} ({study.profile} profile): its runs are of {' and of '.join(reasons)}; {ASK}"


def _reasons(taken: pd.DataFrame) -> Iterator[str]:
    commits = Counter(str(commit)[:10] for commit in taken["commit"])
    environments = Counter(taken["environment"])
    for what, counts in (("commits", commits), ("environments", environments)):
        each = [f"{name}: {count} runs" for name, count in sorted(counts.items())]
        if len(each) > 1:
            yield f"{len(each)} {what} ({listed(each)})"
