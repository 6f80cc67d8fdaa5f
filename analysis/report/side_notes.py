"""Secondary metrics and checks that the report shows with a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final, Literal

from analysis.curves.equal_cost import compare_at_equal_cost
from analysis.stats.aggregate import iqm_difference
from analysis.stats.effects import measure_all_effects
from analysis.stats.evaluation import estimate_evaluation_noise
from analysis.stats.noise_floor import check_known_effects, measure_noise_floors
from analysis.stats.verdict import find_missing
from analysis.study.layout import find_varied_axes, name_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from analysis.curves.equal_cost import LearningCurves
    from analysis.report.links import TraceLink
    from analysis.stats.bootstrap import Estimate
    from analysis.stats.effects import Effect
    from analysis.stats.evaluation import ShareReader
    from analysis.stats.gaps import Counted
    from analysis.stats.noise_floor import Kind, NoiseFloor
    from analysis.stats.verdict import Verdict
    from harness.records.record import Study


_PAIRS: Final[Mapping[Kind, str]] = {
    "twins": "pairs of twins, cells that cannot differ",
    "seed split": "cells, each against itself: its seeds split into two halves in every way",
}


_COUNTED: Final[Mapping[Counted, str]] = {
    "no": "without seed {}",
    "worst": "seed {} failed, counted as the worst outcome",
    "both ways": "seed {} failed for no known reason, judged both ways",
}


def list_checks(study: Study, taken: pd.DataFrame) -> Iterator[str]:
    """Yield the results of the known effects, then the false alarm rates of the test."""
    for effect in check_known_effects(study, taken):
        control = effect.control
        found = effect.state + effect.failures
        yield f"Known effect {control.name}, expected {control.expect} on {control.metric}: {found}."
    yield from map(_floor, measure_noise_floors(study, taken))


def list_left_out(study: Study, taken: pd.DataFrame) -> Iterator[str]:
    """Yield the contrasts and seeds without a verdict, each with its reason."""
    axes = find_varied_axes(study, study.cells)
    for gap in find_missing(study, taken):
        where = f"{name_cell(axes, study.cells[gap.contrast.arm])}: " if gap.contrast else ""
        seeds = ", ".join(map(str, gap.seeds))
        yield f"{where}{'no verdict' if gap.whole else _COUNTED[gap.counted].format(seeds)}; {gap.because}"


def _floor(floor: NoiseFloor) -> str:
    low, high = floor.interval
    return (
        f"Noise floor, {floor.cells} {_PAIRS[floor.kind]}: {floor.called} of {floor.tests} tests at 5 % call a "
        f"difference ({floor.share:.1%}, 95 % interval {low:.1%} to {high:.1%}); the largest is {floor.largest:.3f}, "
        f"the deviation {floor.std:.3f}."
    )


Direction = Literal["higher", "lower", ""]


@dataclass(frozen=True, slots=True)
class Note:
    """A secondary number of a verdict."""

    text: str
    interval: str
    source: str  # id of its lineage
    way: Direction = ""  # set if its interval excludes no change
    remark: str = ""


@dataclass(frozen=True, slots=True)
class SecondaryTable:
    """A table of secondary metrics, with one row per verdict in the given order."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Note | None, ...], ...]


_Notes = dict[str, Note]  # column -> number


def build_secondary_tables(
    study: Study,
    taken: pd.DataFrame,
    found: LearningCurves,
    judged: Sequence[Verdict],
    outcomes: ShareReader,
    trace: TraceLink,
) -> tuple[SecondaryTable, ...]:
    """Return the tables of secondary metrics.

    Args:
        study: The study.
        taken: Its planned runs (``frame.select_planned``).
        found: Their learning curves.
        judged: The verdicts, one for each row.
        outcomes: Reader of the outcomes by problem (``make_share_reader``).
        trace: Collector of the numbers that the lineage must contain.

    """
    known = measure_all_effects(study, taken)
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


def _table(title: str, rows: Sequence[_Notes]) -> SecondaryTable:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    return SecondaryTable(title, columns, tuple(tuple(row.get(name) for name in columns) for row in rows))


def _effects(known: Sequence[Effect], verdict: Verdict, trace: TraceLink) -> Iterator[tuple[str, Note]]:
    for effect in known:
        source = trace.gap(effect.contrast.arm, effect.contrast.baseline, effect.side.score)
        form = f"+,.{effect.side.digits}f"
        yield effect.side.title, _note(effect.difference, form, source, verdict, 0.0)


def _cost(found: LearningCurves, verdict: Verdict, trace: TraceLink) -> Iterator[tuple[str, Note]]:
    costs, source = compare_at_equal_cost(found, verdict.contrast), trace.cell(verdict.contrast.arm)
    for kind, at in (("steps", costs.steps), ("tokens", costs.tokens), ("seconds", costs.seconds)):
        if at is not None:
            remark = f"at {at.budget:,.0f}"
            yield f"accuracy in training at equal {kind}", _note(at.accuracy, "+.3f", source, verdict, 0.0, remark)
            if at.ratio is not None:
                yield f"{kind} spent, times the baseline's", _note(at.ratio, ".2f", source, verdict, 1.0)


def _others(
    study: Study, taken: pd.DataFrame, verdict: Verdict, outcomes: ShareReader, trace: TraceLink
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
    if noise := estimate_evaluation_noise(taken, contrast, verdict.seeds, outcomes):
        remark = "paired by problem" if noise.paired else "not paired"
        yield "evaluation noise, standard error", Note(f"{noise.se:.3f}", "", source, remark=remark)


def _note(found: Estimate, form: str, source: str, verdict: Verdict, nothing: float, remark: str = "") -> Note:
    """Return an estimate as a note.

    ``nothing`` is the value of no change. The number of pairs is shown if it differs from the verdict's.
    """
    low, high = found.interval
    interval = f"[{low:{form}}, {high:{form}}]" if found.n > 1 else ""
    pairs = f"{found.n} pairs" if found.n != len(verdict.seeds) else "of survivors" if verdict.failed else ""
    way: Direction = "higher" if low > nothing else "lower" if high < nothing else ""
    return Note(f"{found.mean:{form}}", interval, source, way, ", ".join(filter(None, (remark, pairs))))
