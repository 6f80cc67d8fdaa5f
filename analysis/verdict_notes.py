"""What stands under verdicts: how they were reached, what is missing, and whether the test itself can be trusted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from analysis.frame import finished, planned
from analysis.inference.controls import known_effects
from analysis.inference.null import noise_floor
from analysis.inference.verdict import BOOTSTRAP_SEEDS, MIN_SEEDS, missing
from analysis.layout import name, varied
from analysis.notes import made, sources
from analysis.text import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from analysis.inference.gaps import Counted
    from analysis.inference.null import NoiseFloor
    from analysis.inference.verdict import Verdict
    from harness.records import Study

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
    "both ways": "Failed for no known reason, judged both ways",
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


def verdict_notes(study: Study, runs: pd.DataFrame, found: Sequence[Verdict]) -> Iterator[str]:
    """The notes of a table of verdicts, in reading order."""
    taken = planned(runs, study)
    yield HOW
    if any(verdict.word == "exploratory" for verdict in found):
        yield EXPLORATORY
    if any(verdict.failed for verdict in found):
        yield FAILURES
    yield _counted(found)
    yield from _missing(study, taken)
    yield from _controls(study, taken)
    yield from map(_floor, noise_floor(study, taken))
    yield from (f"Left open by the paper, chosen here: {choice}" for choice in study.choices)
    if study.tuning:
        yield f"Tuned beforehand: {study.tuning}."
    yield from made(study, finished(taken).drop_duplicates("run_id"))
    yield from sources(finished(taken).drop_duplicates("run_id"))


def _counted(found: Sequence[Verdict]) -> str:
    families = dict.fromkeys(verdict.contrast.family for verdict in found)
    texts = []
    for family in families:
        words = Counter(verdict.word for verdict in found if verdict.contrast.family == family)
        texts.append(f"{family}: {', '.join(f'{count} {word}' for word, count in sorted(words.items()))}")
    return f"Verdicts, {listed(texts)}."


def _missing(study: Study, taken: pd.DataFrame) -> Iterator[str]:
    axes = varied(study, study.cells)
    texts: dict[str, list[str]] = {}
    for gap in missing(study, taken):
        where = "the study" if gap.contrast is None else name(axes, study.cells[gap.contrast.arm])
        texts.setdefault(gap.counted, []).append(f"{where}: {'no verdict, ' if gap.whole else ''}{gap.because}")
    yield from (f"{_COUNTED[counted]}: {listed(texts[counted])}." for counted in _COUNTED if counted in texts)


def _controls(study: Study, taken: pd.DataFrame) -> Iterator[str]:
    texts = [
        f"{effect.control.name}, expected {effect.control.expect} on {effect.control.metric}: "
        f"{effect.state}{effect.failures}"
        for effect in known_effects(study, taken)
    ]
    if texts:
        yield f"Known effects: {listed(texts)}."


def _floor(floor: NoiseFloor) -> str:
    low, high = floor.interval
    what = {"twins": "pairs of twins", "seed split": "cells split into two halves of their seeds, in every way"}
    called = f"called different in {floor.called} of {floor.tests} tests at 5 % ({floor.share:.1%}, 95 % interval "
    sizes = f"largest difference {floor.largest:.3f}, deviation {floor.std:.3f}"
    return f"Noise floor, {floor.cells} {what[floor.kind]}: {called}{low:.1%} to {high:.1%}), {sizes}."
