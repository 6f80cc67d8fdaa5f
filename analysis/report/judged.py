"""The verdicts of the report, with the secondary metrics and checks beside them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final, Literal

from analysis.curves import compare_at_equal_cost
from analysis.report.numbers import Drawing, DrawnRange, Ruler, build_ruler, place_on_ruler
from analysis.stats import (
    MIN_SEEDS,
    Contrast,
    check_known_effects,
    compute_verdicts,
    estimate_evaluation_noise,
    find_missing,
    iqm_difference,
    measure_all_effects,
    measure_noise_floors,
    pair_scores,
)
from analysis.study import find_varied_axes, format_labels, name_cell, read_scores
from harness.records import ALPHA, CONTROL_AXIS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from analysis.curves import LearningCurves
    from analysis.report.links import TraceLink
    from analysis.stats import Counted, Effect, Estimate, Family, Kind, NoiseFloor, ShareReader, Verdict
    from harness.records import Study


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
        taken: Its planned runs (``runs.select_planned``).
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


FAMILIES: Final[Mapping[Family, tuple[str, str]]] = {
    "primary": ("Primary contrasts", "Declared in the grid; p adjusted by Holm within this family."),
    "exploratory": (
        "Exploratory contrasts",
        "Not declared; p adjusted by Benjamini and Hochberg within this family.",
    ),
    "control": ("Controls", "Effects known in advance, which a working harness detects. p is not adjusted."),
}
WORDS: Final[Mapping[str, str]] = {
    "better": "the adjusted p is at most 0.05, and the arm is above its baseline",
    "worse": "the adjusted p is at most 0.05, and the arm is below its baseline",
    "equivalent": "the difference lies within the margin declared in the grid (TOST, adjusted p at most 0.05)",
    "inconclusive": "none of these: there are too few seeds to decide",
    "exploratory": f"fewer than {MIN_SEEDS} paired seeds, with which no sign-flip test can reach p < 0.05",
}
DASH: Final = "\N{EM DASH}"


@dataclass(frozen=True, slots=True)
class ReportSide:
    """The arm and baseline of a contrast and their setting, in words."""

    arm: str  # the labels that differ from the baseline
    baseline: str
    setting: str  # the common labels


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A verdict as text."""

    id: str
    side: ReportSide
    word: str
    remark: str  # shown next to the word
    difference: str
    interval: str
    source: str  # id of the seeds behind it
    drawing: Drawing | None  # None if no pair finished
    p: str
    p_adjusted: str
    p_equivalent: str
    detectable: str
    correlation: str
    improvement: str
    seeds: tuple[int, ...]
    contrast: Contrast


@dataclass(frozen=True, slots=True)
class Block:
    """The verdicts of one family and metric, on one scale."""

    title: str
    about: str
    metric: str
    ruler: Ruler
    rows: tuple[VerdictRow, ...]


@dataclass(frozen=True, slots=True)
class VerdictTable:
    """The verdicts of a study with secondary metrics, checks and gaps."""

    blocks: tuple[Block, ...]
    beside: tuple[SecondaryTable, ...]  # one row for each row of the blocks, in order
    checks: tuple[str, ...]  # validation of the test itself
    left_out: tuple[str, ...]  # contrasts and seeds without a verdict


def build_report_verdicts(
    study: Study, taken: pd.DataFrame, found: LearningCurves, outcomes: ShareReader, trace: TraceLink
) -> VerdictTable:
    """Return the verdicts of a study.

    Args:
        study: The study.
        taken: Its planned runs (``runs.select_planned``).
        found: Their learning curves.
        outcomes: Reader of the outcomes by problem (``make_share_reader``).
        trace: Collector of the numbers that the lineage must contain.

    """
    members: dict[tuple[Family, str], list[Verdict]] = {}
    for verdict in sorted(
        compute_verdicts(study, taken, outcomes), key=lambda each: [*FAMILIES].index(each.contrast.family)
    ):
        members.setdefault((verdict.contrast.family, verdict.contrast.metric), []).append(verdict)
    blocks = (_block(study, taken, *kind, of_kind, trace) for kind, of_kind in members.items())
    in_order = [verdict for of_kind in members.values() for verdict in of_kind]
    return VerdictTable(
        tuple(blocks),
        build_secondary_tables(study, taken, found, in_order, outcomes, trace),
        tuple(list_checks(study, taken)),
        tuple(list_left_out(study, taken)),
    )


def describe_side(study: Study, contrast: Contrast) -> ReportSide:
    """Return the arm, the baseline and the setting of a contrast in words."""
    arm, back = study.cells[contrast.arm], study.cells[contrast.baseline]
    apart = [axis for axis in arm if arm[axis] != back.get(axis)]
    common = [axis for axis in find_varied_axes(study, study.cells) if axis not in apart and axis != CONTROL_AXIS]
    return ReportSide(
        format_labels({axis: arm[axis] for axis in apart}),
        ", ".join(back[axis] for axis in apart),
        format_labels({axis: arm[axis] for axis in common}),
    )


def count_primary_words(found: VerdictTable) -> dict[str, int]:
    """Return the number of primary contrasts with each word, in the order of WORDS."""
    given = [row.word for block in found.blocks for row in block.rows if row.contrast.family == "primary"]
    return {word: given.count(word) for word in WORDS if word in given}


def probability(p: float | None) -> str:
    """Format a p value with three digits; a dash if there is none."""
    if p is None or not isfinite(p):
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _block(
    study: Study, taken: pd.DataFrame, family: Family, metric: str, members: Sequence[Verdict], trace: TraceLink
) -> Block:
    by_cell = read_scores(taken, metric)
    ranges = [_range(verdict, by_cell) for verdict in members]
    on = build_ruler(ranges, differences=True, margin=None if family == "control" else study.margin)
    drawn = (place_on_ruler(each, on) if each.seeds else None for each in ranges)
    rows = (_row(study, verdict, each, trace) for verdict, each in zip(members, drawn, strict=True))
    return Block(*FAMILIES[family], metric, on, tuple(rows))


def _range(verdict: Verdict, by_cell: Mapping[int, Mapping[int, float]]) -> DrawnRange:
    seeds = pair_scores(by_cell, verdict.contrast).differences
    return DrawnRange(verdict.difference, *verdict.interval, tuple(map(float, seeds)))


def _row(study: Study, verdict: Verdict, drawn: Drawing | None, trace: TraceLink) -> VerdictRow:
    contrast = verdict.contrast
    low, high = verdict.interval
    return VerdictRow(
        id=f"{trace.anchor}.v{contrast.arm}",
        side=describe_side(study, contrast),
        word=verdict.word,
        remark=_remark(study, verdict),
        difference=_number(verdict.difference, "+.3f"),
        interval=f"[{_number(low, '+.3f')}, {_number(high, '+.3f')}]",
        source=trace.gap(contrast.arm, contrast.baseline, contrast.metric),
        drawing=drawn,
        p=probability(verdict.p),
        p_adjusted=probability(verdict.p_adjusted),
        p_equivalent=probability(verdict.p_equivalent),
        detectable=_number(verdict.detectable, ".3f"),
        correlation=_number(verdict.correlation, "+.2f"),
        improvement=_number(verdict.improvement, ".2f"),
        seeds=verdict.seeds,
        contrast=contrast,
    )


def _remark(study: Study, verdict: Verdict) -> str:
    """Return the number of failed seeds and other remarks on a verdict."""
    return "; ".join(filter(None, (verdict.failures, _expected(study, verdict))))


def _expected(study: Study, verdict: Verdict) -> str:
    """Return the expected word of a control, or a remark on a difference within the margin."""
    if verdict.contrast.family == "control":
        label = study.cells[verdict.contrast.arm].get(CONTROL_AXIS)
        return next((f"expected: {control.expect}" for control in study.controls if control.name == label), "")
    small = verdict.p_equivalent is not None and verdict.p_equivalent <= ALPHA
    return "within the margin" if small and verdict.word in {"better", "worse"} else ""


def _number(value: float, form: str) -> str:
    return format(value, form) if isfinite(value) else DASH
