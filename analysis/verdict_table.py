"""The verdicts of a study as a table: one row a contrast, the word last, with all that a reviewer asks of it."""

from __future__ import annotations

from math import isfinite, nan
from typing import TYPE_CHECKING, Final

from analysis.frame import planned
from analysis.inference.evaluation import evaluation_noise
from analysis.inference.verdict import verdicts
from analysis.layout import varied, warning, words
from analysis.stats import Estimate
from analysis.tables import Column, Missing, Table
from analysis.verdict_notes import verdict_notes

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from analysis.inference.outcomes import Shares
    from analysis.inference.verdict import Verdict
    from analysis.tables import Entry
    from harness.records import Study

COLUMNS: Final = (
    Column("against", "compared with", "label"),
    Column("family", "family", "label"),
    Column("metric", "score", "label"),
    Column("difference", "difference", "gap"),
    Column("p", "p", "number"),
    Column("p adjusted", "p, adjusted", "number"),
    Column("p equivalent", "p of equivalence", "number"),
    Column("detectable", "smallest detectable", "number"),
    Column("correlation", "correlation of pairs", "number"),
    Column("improvement", "P(better run)", "number"),
    Column("evaluation", "error over problems", "number"),
    Column("verdict", "verdict", "label"),
)


def verdict_table(study: Study, runs: pd.DataFrame, outcomes: Shares | None = None) -> Table | None:
    """The verdicts of a study from the runs of its experiment; None where nothing is compared.

    ``outcomes``: run id -> shares of right samples by problem, of which the second level of noise is taken.
    """
    taken = planned(runs, study)
    found = verdicts(study, taken, outcomes)
    if not found:
        return None
    axes = varied(study, study.cells)
    return Table(
        name=f"{study.name}.{study.profile}.verdicts",
        title=f"{study.name} ({study.profile} profile): verdicts",
        warning=warning(study),
        lead=tuple(_lead(study)),
        columns=(*(Column(axis, axis, "label") for axis in axes), *COLUMNS),
        rows=tuple(
            (*(study.cells[v.contrast.arm].get(axis, "") for axis in axes), *_row(study, taken, v, outcomes))
            for v in found
        ),
        notes=tuple(verdict_notes(study, runs, found)),
    )


def _lead(study: Study) -> Iterator[str]:
    yield study.question
    if study.baseline:
        yield f"Baseline: {words(study.baseline)}; an arm is compared with the cell that differs in this alone."
    if study.margin is not None:
        yield f"Margin of equivalence, declared in the grid: ±{study.margin:g} of {study.metric}."


def _row(study: Study, taken: pd.DataFrame, verdict: Verdict, outcomes: Shares | None) -> Iterator[Entry]:
    arm, baseline = study.cells[verdict.contrast.arm], study.cells[verdict.contrast.baseline]
    yield ", ".join(baseline[axis] for axis in baseline if baseline[axis] != arm.get(axis))
    yield verdict.contrast.family
    yield verdict.contrast.metric
    yield _difference(verdict)
    yield _p(verdict.p)
    yield _p(verdict.p_adjusted)
    yield Missing() if verdict.p_equivalent is None else _p(verdict.p_equivalent)
    yield f"{verdict.detectable:.3f}" if isfinite(verdict.detectable) else Missing()
    yield f"{verdict.correlation:+.2f}" if isfinite(verdict.correlation) else Missing()
    yield f"{verdict.improvement:.2f}" if isfinite(verdict.improvement) else Missing()
    noise = evaluation_noise(taken, verdict.contrast, verdict.seeds, outcomes)
    yield f"{noise.se:.3f}" + " unpaired" * (not noise.paired) if noise else Missing()
    yield verdict.said


def _difference(verdict: Verdict) -> Entry:
    """Write the difference over the seeds that both sides finished."""
    if not verdict.seeds:
        return Missing("no seed that both finished")
    return Estimate(verdict.difference, nan, len(verdict.seeds), verdict.interval)


def _p(value: float) -> str:
    """Two significant digits, as a p value deserves."""
    return f"{value:.2g}"
