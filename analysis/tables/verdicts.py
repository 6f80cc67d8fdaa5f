"""The tables of a study's verdicts and of its secondary effects."""

from __future__ import annotations

from collections import Counter
from math import isfinite, nan
from typing import TYPE_CHECKING, Final

from analysis.stats import (
    BOOTSTRAP_SEEDS,
    MIN_SEEDS,
    Estimate,
    check_known_effects,
    compute_verdicts,
    estimate_difference,
    estimate_evaluation_noise,
    find_missing,
    list_effect_sides,
    measure_all_effects,
    measure_noise_floors,
)
from analysis.study import (
    Scores,
    find_varied_axes,
    find_warning,
    name_cell,
    read_scores,
    select_finished,
    select_planned,
)
from analysis.tables.notes import lead, list_origin_notes, note_command, note_sources
from analysis.tables.scores import Column, MissingScore, ResultTable
from harness.common import join_limited

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from analysis.stats import Contrast, Counted, Effect, NoiseFloor, ShareReader, Verdict
    from analysis.tables.scores import Entry
    from harness.records import Study


_NOTES: Final = (
    "Every number is arm minus baseline: the mean over paired seeds, its 95 % Student t interval [low, high], and the "
    "number of pairs. Only finished runs count. Intervals are not corrected for their number: side effects are read "
    "beside a verdict, and are none themselves.",
    "Length, truncation and pass@k: of the final held-out responses. Entropy and clipping: means of the last five "
    "steps. Training tokens: response tokens sampled in all. Seconds: of the whole run, evaluations included.",
)


def build_effects_table(study: Study, taken: pd.DataFrame) -> ResultTable | None:
    """Return the secondary effects of all contrasts of ``taken`` (``runs.select_planned``).

    Returns None if nothing is compared.
    """
    found = {contrast: effects for contrast, effects in measure_all_effects(study, taken).items() if effects}
    if not found:
        return None
    known = list_effect_sides(study, taken)
    axes = find_varied_axes(study, study.cells)
    decisive = read_scores(taken, study.metric)
    return ResultTable(
        name=f"{study.name}.{study.profile}.effects",
        title=f"{study.name} ({study.profile} profile): side effects",
        warning=find_warning(study),
        lead=tuple(lead(study)),
        columns=(
            *(Column(axis, axis, "label") for axis in axes),
            Column("difference", study.metric, "gap"),
            *(Column(side.score, side.title, "gap", side.digits) for side in known),
        ),
        rows=tuple(
            (
                *(study.cells[contrast.arm][axis] for axis in axes),
                _decided(decisive, contrast),
                *_entries(effects, [side.score for side in known]),
            )
            for contrast, effects in found.items()
        ),
        notes=(*_NOTES, *list_origin_notes(study, taken)),
    )


def _decided(by_cell: Scores, contrast: Contrast) -> Entry:
    return estimate_difference(by_cell.get(contrast.arm, {}), by_cell.get(contrast.baseline, {})) or MissingScore(
        "no seed in common"
    )


def _entries(effects: tuple[Effect, ...], names: list[str]) -> Iterator[Entry]:
    by_score = {effect.side.score: effect.difference for effect in effects}
    for name in names:
        yield by_score.get(name) or MissingScore()


HOW: Final = (
    "The unit is the training seed; seeds are paired. Intervals hold 95 %: Student's t below "
    f"{BOOTSTRAP_SEEDS} seeds, from there on a bias-corrected bootstrap (docs/calibration.md). p is two-sided, "
    "adjusted after Holm among the primary contrasts and after Benjamini and Hochberg among the exploratory ones; "
    "a control stands alone. Equivalent: both one-sided tests reject a difference beyond the margin. "
    "Detectable: the smallest true difference that such runs find four times in five. "
    "P(better run): that a run of the arm beats one of the other (arXiv:2108.13264). "
    "Error over problems: by how much the difference would move on other problems of the same kind (standard error, "
    "problems as clusters, arXiv:2411.00640), the runs being what they are; it is no part of interval and verdict."
)
_COUNTED: Final[Mapping[Counted, str]] = {
    "no": "Not counted",
    "worst": "Failed, counted as the worst outcome",
    "both ways": "Failures of unknown cause, judged both ways",
}
EXPLORATORY: Final = (
    f"Exploratory: fewer than {MIN_SEEDS} pairs of seeds, of which no test without assumptions can reach p = 0.05."
)


FAILURES: Final = (
    "Failed seeds: a run that failed for a reason of its arm (it diverged, came to no finite number, or had nothing "
    "left to train on) is the worst outcome of its pair. p is then that of Wilcoxon's exact signed ranks with the "
    "failures last, no equivalence is concluded, and difference, interval and correlation are of the survivors. A "
    "failure for no known reason is judged as the worst outcome and as missing, and the larger p counts. A run lost "
    "for a reason outside (node, disk, kill) is missing (docs/calibration.md)."
)


def list_verdict_notes(study: Study, runs: pd.DataFrame, found: Sequence[Verdict]) -> Iterator[str]:
    """Yield the notes of a table of verdicts, in reading order.

    Args:
        study: The study.
        runs: The runs of its experiment (``runs.build_runs_frame``).
        found: The verdicts.

    """
    taken = select_planned(runs, study)
    yield HOW
    if any(verdict.word == "exploratory" for verdict in found):
        yield EXPLORATORY
    if any(verdict.failed for verdict in found):
        yield FAILURES
    yield _counted(found)
    yield from _missing(study, taken)
    yield from _controls(study, taken)
    yield from map(_floor, measure_noise_floors(study, taken))
    yield from (f"Left open by the paper, chosen here: {choice}" for choice in study.choices)
    if study.tuning:
        yield f"Tuned beforehand: {study.tuning}."
    yield from note_command(study, select_finished(taken).drop_duplicates("run_id"))
    yield from note_sources(select_finished(taken).drop_duplicates("run_id"))


def _counted(found: Sequence[Verdict]) -> str:
    families = dict.fromkeys(verdict.contrast.family for verdict in found)
    texts = []
    for family in families:
        words = Counter(verdict.word for verdict in found if verdict.contrast.family == family)
        texts.append(f"{family}: {', '.join(f'{count} {word}' for word, count in sorted(words.items()))}")
    return f"Verdicts, {join_limited(texts)}."


def _missing(study: Study, taken: pd.DataFrame) -> Iterator[str]:
    axes = find_varied_axes(study, study.cells)
    texts: dict[str, list[str]] = {}
    for gap in find_missing(study, taken):
        where = "the study" if gap.contrast is None else name_cell(axes, study.cells[gap.contrast.arm])
        texts.setdefault(gap.counted, []).append(f"{where}: {'no verdict, ' if gap.whole else ''}{gap.because}")
    yield from (f"{_COUNTED[counted]}: {join_limited(texts[counted])}." for counted in _COUNTED if counted in texts)


def _controls(study: Study, taken: pd.DataFrame) -> Iterator[str]:
    texts = [
        f"{effect.control.name}, expected {effect.control.expect} on {effect.control.metric}: "
        f"{effect.state}{effect.failures}"
        for effect in check_known_effects(study, taken)
    ]
    if texts:
        yield f"Known effects: {join_limited(texts)}."


def _floor(floor: NoiseFloor) -> str:
    low, high = floor.interval
    what = {"twins": "pairs of twins", "seed split": "cells split into two halves of their seeds, in every way"}
    called = f"called different in {floor.called} of {floor.tests} tests at 5 % ({floor.share:.1%}, 95 % interval "
    sizes = f"largest difference {floor.largest:.3f}, deviation {floor.std:.3f}"
    return f"Noise floor, {floor.cells} {what[floor.kind]}: {called}{low:.1%} to {high:.1%}), {sizes}."


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


def build_verdict_table(study: Study, runs: pd.DataFrame, outcomes: ShareReader | None = None) -> ResultTable | None:
    """Return the table of a study's verdicts.

    Args:
        study: The study.
        runs: The runs of its experiment (``runs.build_runs_frame``).
        outcomes: Reader of the outcomes by problem (``make_share_reader``), used for the evaluation noise; None if they
            are not available.

    Returns:
        The table, or None if nothing is compared.

    """
    taken = select_planned(runs, study)
    found = compute_verdicts(study, taken, outcomes)
    if not found:
        return None
    axes = find_varied_axes(study, study.cells)
    return ResultTable(
        name=f"{study.name}.{study.profile}.verdicts",
        title=f"{study.name} ({study.profile} profile): verdicts",
        warning=find_warning(study),
        lead=tuple(_lead(study)),
        columns=(*(Column(axis, axis, "label") for axis in axes), *COLUMNS),
        rows=tuple(
            (*(study.cells[v.contrast.arm].get(axis, "") for axis in axes), *_row(study, taken, v, outcomes))
            for v in found
        ),
        notes=tuple(list_verdict_notes(study, runs, found)),
    )


def _lead(study: Study) -> Iterator[str]:
    yield from lead(study)
    if study.margin is not None:
        yield f"Margin of equivalence, declared in the grid: ±{study.margin:g} of {study.metric}."


def _row(study: Study, taken: pd.DataFrame, verdict: Verdict, outcomes: ShareReader | None) -> Iterator[Entry]:
    arm, baseline = study.cells[verdict.contrast.arm], study.cells[verdict.contrast.baseline]
    yield ", ".join(baseline[axis] for axis in baseline if baseline[axis] != arm.get(axis))
    yield verdict.contrast.family
    yield verdict.contrast.metric
    yield _difference(verdict)
    yield _p(verdict.p)
    yield _p(verdict.p_adjusted)
    yield MissingScore() if verdict.p_equivalent is None else _p(verdict.p_equivalent)
    yield f"{verdict.detectable:.3f}" if isfinite(verdict.detectable) else MissingScore()
    yield f"{verdict.correlation:+.2f}" if isfinite(verdict.correlation) else MissingScore()
    yield f"{verdict.improvement:.2f}" if isfinite(verdict.improvement) else MissingScore()
    noise = estimate_evaluation_noise(taken, verdict.contrast, verdict.seeds, outcomes)
    yield f"{noise.se:.3f}" + " unpaired" * (not noise.paired) if noise else MissingScore()
    yield verdict.said


def _difference(verdict: Verdict) -> Entry:
    """Return the difference over the seeds that both sides finished."""
    if not verdict.seeds:
        return MissingScore("no seed that both finished")
    return Estimate(verdict.difference, nan, len(verdict.seeds), verdict.interval)


def _p(value: float) -> str:
    """Format a p value with two significant digits."""
    return f"{value:.2g}"
