"""Verdicts: the conclusion for each contrast of a study, and what is missing for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, nan
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from analysis.stats.contrasts import Contrast, adjust_p_values, list_contrasts
from analysis.stats.estimates import Estimate, bootstrap_interval, make_generator, shorten
from analysis.stats.evaluation import seed_errors
from analysis.stats.paired_tests import (
    FailedSeed,
    Pairs,
    has_worst_end,
    p_different,
    p_equivalent,
    p_with_failures,
    pair_scores,
)
from analysis.stats.twins import find_twins, format_twin
from analysis.study import find_baselines, find_varied_axes, name_cell, read_failures, read_scores
from harness.common import join_limited
from harness.records import ALPHA, LEAST_SEEDS, find_detectable_effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from analysis.stats.contrasts import Family
    from analysis.stats.estimates import Array
    from analysis.stats.evaluation import ShareReader
    from analysis.study import Scores
    from harness.records import Study


_COUNTED: Final[tuple[Counted, ...]] = ("no", "worst", "both ways")
_TOO_FEW: Final = ("no seed in common", "only one seed in common, so no spread is known")


Counted = Literal["no", "worst", "both ways"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A contrast without a verdict, or seeds that are missing from its difference."""

    contrast: Contrast | None  # None: concerns the whole study
    whole: bool  # no verdict at all
    seeds: tuple[int, ...]  # the missing seeds
    because: str
    counted: Counted = "no"  # in the verdict: not at all, as the worst outcome, or both ways if the reason is unknown


def list_gaps(study: Study, taken: pd.DataFrame, asked: Iterable[Contrast]) -> Iterator[Gap]:
    """Yield the gaps of the study as a whole, then those of each contrast, in order.

    Args:
        study: The study.
        taken: Its runs (``runs.select_planned``).
        asked: The contrasts to check.

    Yields:
        A gap with its reason.

    """
    asked = tuple(asked)
    yield from (Gap(None, True, (), reason) for reason in _uncompared(study, {contrast.arm for contrast in asked}))
    for contrast in asked:
        yield from _of(study, taken, contrast)


def _uncompared(study: Study, compared: set[int]) -> Iterator[str]:
    if not study.baseline:
        yield "the grid names no baseline, so only its controls are compared"
        return
    axes, known = find_varied_axes(study, study.cells), find_baselines(study)
    lone = [name_cell(axes, labels) for cell, labels in enumerate(study.cells) if cell not in known]
    if lone:
        yield f"no baseline is planned for {join_limited(lone)}"
    own = [name_cell(axes, study.cells[cell]) for cell, back in known.items() if cell != back and cell not in compared]
    if own:
        yield f"also the baseline's run, as its twin: {join_limited(own)}"


def _of(study: Study, taken: pd.DataFrame, contrast: Contrast) -> Iterator[Gap]:
    by_cell = read_scores(taken, contrast.metric)
    found = pair_scores(by_cell, contrast, read_failures(taken, contrast.metric))
    wanted = {*study.seeds, *by_cell.get(contrast.arm, ()), *by_cell.get(contrast.baseline, ())}
    wanted |= {each.seed for each in found.failed}
    seeds, whole = tuple(sorted(wanted - {*found.seeds})), not found.testable
    twin = find_twins(study).get(contrast.arm) if study.once else None
    if study.cell_ids[contrast.arm] == study.cell_ids[contrast.baseline]:
        yield Gap(contrast, True, (), "the same settings in effect, and so the same runs")
    elif twin is not None and contrast.arm not in by_cell:
        yield Gap(contrast, True, seeds, f"not run: {format_twin(study, twin)}")
    elif whole:
        few = _TOO_FEW[len(found.seeds) : len(found.seeds) + 1]
        yield Gap(contrast, True, seeds, join_limited([*few, *_reasons(study, taken, contrast, seeds)]))
    else:
        yield from _seeds_of(study, taken, contrast, found, seeds)


def _seeds_of(
    study: Study, taken: pd.DataFrame, contrast: Contrast, found: Pairs, seeds: tuple[int, ...]
) -> Iterator[Gap]:
    """Yield the seeds without a difference, grouped by how the verdict counts them."""
    counted: dict[int, Counted] = {each.seed: "worst" if each.certain else "both ways" for each in found.failed}
    for how in _COUNTED:
        own = tuple(seed for seed in seeds if counted.get(seed, "no") == how)
        if own:
            yield Gap(contrast, False, own, join_limited(_reasons(study, taken, contrast, own)), how)


def _reasons(study: Study, taken: pd.DataFrame, contrast: Contrast, seeds: tuple[int, ...]) -> list[str]:
    reasons: dict[str, list[int]] = {}
    for seed in seeds:
        reasons.setdefault(_reason(study, taken, contrast, seed), []).append(seed)
    return [f"seed {', '.join(map(str, each))}: {reason}" for reason, each in reasons.items()]


def _reason(study: Study, taken: pd.DataFrame, contrast: Contrast, seed: int) -> str:
    """Return the reason: the state of the arm's run, the baseline's run, or both."""
    axes = find_varied_axes(study, study.cells)
    found = {cell: _state(taken, cell, seed, contrast.metric) for cell in (contrast.arm, contrast.baseline)}
    return " and ".join(f"{name_cell(axes, study.cells[cell])} {state}" for cell, state in found.items() if state)


def _state(taken: pd.DataFrame, cell: int, seed: int, metric: str) -> str:
    """Return why a run has no score; empty if it has one."""
    runs = taken[(taken["cell"] == cell) & (taken["seed"] == seed)]
    if runs.empty:
        return "not run yet"
    if not (runs["status"] == "finished").any():
        return f"failed ({shorten(str(runs['error'].iloc[-1]))})"
    known = metric in runs and np.isfinite(runs[metric].to_numpy(dtype=float)).any()
    return "" if known else f"has no {metric}"


Word = Literal["better", "worse", "equivalent", "inconclusive", "exploratory"]

MIN_SEEDS: Final = LEAST_SEEDS  # with fewer seeds the word is "exploratory"
FAMILIES: Final[tuple[Family, ...]] = ("primary", "exploratory", "control")
BOOTSTRAP_SEEDS: Final = 10  # from this number on the interval is a bootstrap interval, below it is Student's


@dataclass(frozen=True, slots=True)
class Verdict:
    """The conclusion for a contrast over training seeds.

    If runs failed for a reason of their arm, p and the word come from ``paired_tests``, with failures ranked last.
    Difference, interval and correlation describe the surviving pairs, and are nan without any.
    """

    contrast: Contrast
    word: Word
    difference: float  # mean paired difference, arm minus baseline
    interval: tuple[float, float]  # 95 %
    p: float  # two-sided, paired
    p_adjusted: float  # Holm in the primary family, Benjamini-Hochberg in the exploratory one, raw for controls
    p_equivalent: float | None  # TOST against Study.margin, adjusted the same way; None without a margin
    detectable: float  # smallest true effect found with 80 % power by these runs, at the family-corrected level
    correlation: float  # observed, between paired seeds; nan below three
    improvement: float  # probability that a run of the arm scores higher than one of the baseline (arXiv:2108.13264)
    seeds: tuple[int, ...]  # paired
    failed: tuple[FailedSeed, ...] = ()  # further seeds for which a run failed, or may have failed, due to its arm
    lean: int = 0  # sign of the tested difference if runs failed

    @property
    def judged(self) -> int:
        """Number of seeds behind the word: paired ones and failures for a known reason."""
        return len(self.seeds) + sum(each.certain for each in self.failed)

    @property
    def failures(self) -> str:
        """The failures in words, such as ``6 of 12 seeds failed``; empty if no run failed."""
        return describe_failed_seeds(self.failed, len(self.seeds))

    @property
    def said(self) -> str:
        """The word, followed by the failures if there are any."""
        return f"{self.word}: {self.failures}" if self.failed else self.word


def compute_verdicts(study: Study, taken: pd.DataFrame, outcomes: ShareReader | None = None) -> tuple[Verdict, ...]:
    """Return the verdicts of a study, in the order of its contrasts.

    A contrast with fewer than two common finite pairs is left out; ``find_missing`` gives the reason. A run that failed
    for a reason of its arm is the worst outcome of its pair and stays in the test (``paired_tests``).

    Args:
        study: The study.
        taken: Its runs (``runs.select_planned``).
        outcomes: Reader of the outcomes by problem (``make_share_reader``). If given, intervals from ten seeds on also
            resample problems and samples (``estimates``).

    Returns:
        One verdict for each testable contrast.

    """
    by_metric = {metric: read_scores(taken, metric) for metric in {study.metric, *(c.metric for c in study.controls)}}
    asked = [c for c in list_contrasts(study, by_metric[study.metric].keys()) if _tested(study, c, by_metric[c.metric])]
    lost = {metric: read_failures(taken, metric) for metric in by_metric}
    found = {contrast: pair_scores(by_metric[contrast.metric], contrast, lost[contrast.metric]) for contrast in asked}
    sizes = {family: len({_test(study, c) for c in asked if c.family == family}) for family in FAMILIES}
    raw = [
        _raw(study, contrast, pair, sizes[contrast.family], _errors(taken, contrast, pair, outcomes))
        for contrast, pair in found.items()
        if pair.testable
    ]
    final = {v.contrast: v for family in FAMILIES for v in _judged(study, raw, family, sizes[family])}
    return tuple(final[verdict.contrast] for verdict in raw)


def find_missing(study: Study, taken: pd.DataFrame) -> tuple[Gap, ...]:
    """Return the contrasts and seeds that ``compute_verdicts`` leaves out, each with the reason."""
    return tuple(list_gaps(study, taken, list_contrasts(study, read_scores(taken, study.metric).keys())))


def describe_failed_seeds(failed: Sequence[FailedSeed], survivors: int) -> str:
    """Describe the failures: ``6 of 12 seeds failed, 2 in the baseline``; empty if none failed."""
    if not failed:
        return ""
    arm, baseline = (
        sum(bool(side) for side in sides) for sides in zip(*((f.arm, f.baseline) for f in failed), strict=True)
    )
    unknown = sum(not each.certain for each in failed)
    of = f"of {survivors + len(failed)} seeds"
    text = f"{arm} {of} failed" if arm else f"{baseline} {of} failed in the baseline"
    both = f", {baseline} in the baseline" if arm and baseline else ""
    return f"{text}{both}{f', {unknown} for no known reason' if unknown else ''}"


def compute_interval(pair: Pairs, *names: str, errors: Array | None = None) -> tuple[float, float]:
    """Return the 95 % interval of the mean paired difference.

    Args:
        pair: The paired scores.
        names: Seed the resampling.
        errors: Standard errors (n,) of the differences over problems and samples; None if they are unknown.

    Returns:
        The lower and the upper bound; infinite for one pair and nan for none.

    """
    differences = pair.differences
    if len(pair.seeds) < 2:
        return (-inf, inf) if pair.seeds else (nan, nan)
    if len(pair.seeds) < BOOTSTRAP_SEEDS or pair.level:
        return Estimate(float(differences.mean()), float(differences.std(ddof=1)), len(differences)).interval
    return bootstrap_interval(differences, make_generator(*names), errors)


def verdict_word(seeds: int, difference: float, p: float, equivalent: float) -> Word:
    """Return the word for a mean paired difference.

    Args:
        seeds: Number of seeds behind it.
        difference: The mean paired difference, arm minus baseline.
        p: Two-sided p value of no difference, adjusted within its family.
        equivalent: p value of equivalence, adjusted likewise; 1 without a margin.

    """
    if seeds < MIN_SEEDS:
        return "exploratory"
    if p <= ALPHA:
        return "better" if difference > 0 else "worse"
    return "equivalent" if equivalent <= ALPHA else "inconclusive"


def _tested(study: Study, contrast: Contrast, by_cell: Scores) -> bool:
    """Return False if both sides are the same runs or another cell runs for the arm."""
    spared = study.once and contrast.arm in find_twins(study) and contrast.arm not in by_cell
    return not spared and study.cell_ids[contrast.arm] != study.cell_ids[contrast.baseline]


def _test(study: Study, contrast: Contrast) -> tuple[str, str, str]:
    """Return the key of a test. Contrasts of the same runs are one test."""
    return study.cell_ids[contrast.arm], study.cell_ids[contrast.baseline], contrast.metric


def _errors(taken: pd.DataFrame, contrast: Contrast, pair: Pairs, outcomes: ShareReader | None) -> Array | None:
    """Return the standard errors over problems by seed; None if no interval is resampled."""
    return seed_errors(taken, contrast, pair.seeds, outcomes) if len(pair.seeds) >= BOOTSTRAP_SEEDS else None


def _raw(study: Study, contrast: Contrast, pair: Pairs, size: int, errors: Array | None) -> Verdict:
    """Return the verdict before its p values are adjusted and its word is known."""
    p, lean = p_with_failures(pair, has_worst_end(contrast)) if pair.failed else (p_different(pair), 0)
    level = ALPHA if contrast.family == "control" else ALPHA / size
    margin = None if contrast.family == "control" else study.margin
    return Verdict(
        contrast=contrast,
        word="inconclusive",
        difference=float(pair.differences.mean()) if pair.seeds else nan,
        interval=compute_interval(pair, study.name, study.profile, *_test(study, contrast), errors=errors),
        p=p,
        p_adjusted=p,
        p_equivalent=None if margin is None else _equivalent(pair, margin),
        detectable=_detectable(pair, level),
        correlation=pair.correlation,
        improvement=pair.improvement,
        seeds=pair.seeds,
        failed=pair.failed,
        lean=lean,
    )


def _equivalent(pair: Pairs, margin: float) -> float:
    """Return the p value of equivalence, which is 1 if a run failed."""
    return 1.0 if pair.failed else p_equivalent(pair, margin)


def _detectable(pair: Pairs, level: float) -> float:
    """Return the smallest difference that the t test detects; nan if runs failed."""
    if pair.failed:
        return nan
    return 0.0 if pair.level else find_detectable_effect(float(pair.differences.std(ddof=1)), len(pair.seeds), level)


def _judged(study: Study, raw: list[Verdict], family: Family, size: int) -> list[Verdict]:
    members = [verdict for verdict in raw if verdict.contrast.family == family]
    tests = {_test(study, verdict.contrast): verdict for verdict in members}
    ps = adjust_p_values([v.p for v in tests.values()], family, size)
    equivalents = adjust_p_values(
        [1.0 if v.p_equivalent is None else v.p_equivalent for v in tests.values()], family, size
    )
    numbers = dict(zip(tests, zip(ps, equivalents, strict=True), strict=True))
    return [_worded(verdict, *numbers[_test(study, verdict.contrast)]) for verdict in members]


def _worded(verdict: Verdict, p: float, equivalent: float) -> Verdict:
    known = verdict.p_equivalent is not None
    tested = float(verdict.lean) if verdict.failed else verdict.difference
    word = verdict_word(verdict.judged, tested, p, equivalent if known else 1.0)
    return replace(verdict, word=word, p_adjusted=p, p_equivalent=equivalent if known else None)
