"""What stands beside a verdict: side effects, accuracy at equal cost, and how far other problems would move it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Literal

from analysis.effects.effect import all_effects
from analysis.inference.aggregate import iqm_difference
from analysis.inference.evaluation import evaluation_noise
from analysis.trajectory.equal_cost import equal_cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from analysis.effects.effect import Effect
    from analysis.inference.outcomes import Shares
    from analysis.inference.verdict import Verdict
    from analysis.report.anchors import Trace
    from analysis.stats import Estimate
    from analysis.trajectory.course import Courses
    from harness.records import Study

Way = Literal["higher", "lower", ""]


@dataclass(frozen=True, slots=True)
class Note:
    """A number beside a verdict."""

    text: str
    interval: str
    source: str  # id of its lineage
    way: Way = ""  # where its interval leaves out no change
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """A table beside the verdicts: a row a verdict, in the order that was given."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Note | None, ...], ...]


_Notes = dict[str, Note]  # column -> number


def beside(
    study: Study, taken: pd.DataFrame, found: Courses, judged: Sequence[Verdict], outcomes: Shares, trace: Trace
) -> tuple[Beside, ...]:
    """What stands beside the verdicts, kind by kind; ``found``: the study's courses."""
    known = all_effects(study, taken)
    tables = (
        _table("Side effects", [dict(_effects(known.get(each.contrast, ()), each, trace)) for each in judged]),
        _table(
            "At equal cost, and in other summaries",
            [
                {**dict(_cost(found, each, trace)), **dict(_others(study, taken, each, outcomes, trace))}
                for each in judged
            ],
        ),
    )
    return tuple(table for table in tables if table.columns)


def _table(title: str, rows: Sequence[_Notes]) -> Beside:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    return Beside(title, columns, tuple(tuple(row.get(name) for name in columns) for row in rows))


def _effects(known: Sequence[Effect], verdict: Verdict, trace: Trace) -> Iterator[tuple[str, Note]]:
    for effect in known:
        source = trace.gap(effect.contrast.arm, effect.contrast.baseline, effect.side.score)
        form = f"+,.{effect.side.digits}f"
        yield effect.side.title, _note(effect.difference, form, source, verdict, 0.0)


def _cost(found: Courses, verdict: Verdict, trace: Trace) -> Iterator[tuple[str, Note]]:
    costs, source = equal_cost(found, verdict.contrast), trace.cell(verdict.contrast.arm)
    for kind, at in (("steps", costs.steps), ("tokens", costs.tokens), ("seconds", costs.seconds)):
        if at is not None:
            remark = f"at {at.budget:,.0f}"
            yield f"accuracy in training at equal {kind}", _note(at.accuracy, "+.3f", source, verdict, 0.0, remark)
            if at.ratio is not None:
                yield f"{kind} spent, times the baseline's", _note(at.ratio, ".2f", source, verdict, 1.0)


def _others(
    study: Study, taken: pd.DataFrame, verdict: Verdict, outcomes: Shares, trace: Trace
) -> Iterator[tuple[str, Note]]:
    contrast = verdict.contrast
    source = trace.gap(contrast.arm, contrast.baseline, contrast.metric)
    if contrast.metric == study.metric and (middle := iqm_difference(study, taken, contrast)):
        low, high = middle.interval
        interval = f"[{low:+.3f}, {high:+.3f}]" if isfinite(low) else ""
        remark = "of survivors" if verdict.failed else ""
        yield (
            "interquartile mean, over seeds and benchmarks",
            Note(f"{middle.value:+.3f}", interval, source, remark=remark),
        )
    if noise := evaluation_noise(taken, contrast, verdict.seeds, outcomes):
        remark = "paired by problem" if noise.paired else "not paired"
        yield "evaluation noise, standard error", Note(f"{noise.se:.3f}", "", source, remark=remark)


def _note(found: Estimate, form: str, source: str, verdict: Verdict, nothing: float, remark: str = "") -> Note:
    """``nothing``: the value of no change. The number of pairs is told where it is not the verdict's."""
    low, high = found.interval
    interval = f"[{low:{form}}, {high:{form}}]" if found.n > 1 else ""
    pairs = f"{found.n} pairs" if found.n != len(verdict.seeds) else "of survivors" if verdict.failed else ""
    way: Way = "higher" if low > nothing else "lower" if high < nothing else ""
    return Note(f"{found.mean:{form}}", interval, source, way, ", ".join(filter(None, (remark, pairs))))
