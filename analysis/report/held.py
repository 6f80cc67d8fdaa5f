"""A study with its runs, read once for all parts of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import pandas as pd

from analysis.frame import planned, runs_frame
from analysis.inference.outcomes import Shares, shares_of
from analysis.report.anchors import Trace
from analysis.report.links import Links
from harness.records import RunRecord, Study
from harness.store_read import Curve

if TYPE_CHECKING:
    from pathlib import Path

    from harness.store import Store


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What the store holds of a study, and where on the page it stands."""

    id: str  # of its part of the page
    study: Study
    records: Sequence[RunRecord]
    runs: pd.DataFrame  # all of its experiment
    taken: pd.DataFrame  # those of its plan, ``frame.planned``
    history: Callable[[str], Mapping[str, Curve]]  # metric -> run id -> curve
    outcomes: Shares  # run id -> shares of right samples by problem
    trace: Trace
    links: Links

    @classmethod
    def of(cls, store: Store, study: Study, anchor: str, results: Path) -> Held:
        """Read a study; ``results`` holds what its runs left."""
        records = store.records(study.name)
        runs = runs_frame(records)
        taken, trace = planned(runs, study), Trace(anchor)
        history = cache(partial(store.history, study.name))
        outcomes = shares_of(results, study.name)
        return cls(anchor, study, records, runs, taken, history, outcomes, trace, Links(study, taken, trace))
