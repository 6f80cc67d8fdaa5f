"""The verdicts of the report: words, drawn intervals and numbers linked to their seeds."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final

from analysis.report.intervals import Drawing, DrawnRange, Ruler, build_ruler, place_on_ruler
from analysis.report.side_notes import SecondaryTable, build_secondary_tables, list_checks, list_left_out
from analysis.stats.contrasts import Contrast
from analysis.stats.paired_test import pair_scores
from analysis.stats.verdict import MIN_SEEDS, compute_verdicts
from analysis.study.frame import read_scores
from analysis.study.layout import find_varied_axes, format_labels
from harness.records.power import ALPHA
from harness.records.record import CONTROL_AXIS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from analysis.curves.equal_cost import LearningCurves
    from analysis.report.links import TraceLink
    from analysis.stats.contrasts import Family
    from analysis.stats.evaluation import ShareReader
    from analysis.stats.verdict import Verdict
    from harness.records.record import Study

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
        taken: Its planned runs (``frame.select_planned``).
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
