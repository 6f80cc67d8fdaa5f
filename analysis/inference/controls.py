"""Known effects, which a working harness calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from analysis.frame import failures, scores
from analysis.inference.contrast import contrasts
from analysis.inference.pairs import pairs
from analysis.inference.verdict import MIN_SEEDS, Verdict, verdicts
from harness.records import CONTROL, Control

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from harness.records import Study

State = Literal["called", "missed", "not enough seeds", "no runs"]


@dataclass(frozen=True, slots=True)
class KnownEffect:
    """A control, and whether its verdict is the expected one."""

    control: Control
    state: State
    verdict: Verdict | None  # None without two common pairs

    @property
    def failures(self) -> str:
        """The end of a sentence on the state: ``, 6 of 6 seeds failed``; empty where none failed."""
        return f", {self.verdict.failures}" if self.verdict is not None and self.verdict.failed else ""


def known_effects(study: Study, taken: pd.DataFrame) -> tuple[KnownEffect, ...]:
    """Every control of the study, in its order."""
    return tuple(_known_effects(study, taken))


def _known_effects(study: Study, taken: pd.DataFrame) -> Iterator[KnownEffect]:
    judged = {study.cells[verdict.contrast.arm].get(CONTROL): verdict for verdict in verdicts(study, taken)}
    for control in study.controls:
        verdict = judged.get(control.name)
        yield KnownEffect(control, _state(study, taken, control, verdict), verdict)


def _state(study: Study, taken: pd.DataFrame, control: Control, verdict: Verdict | None) -> State:
    if verdict is not None and verdict.judged >= MIN_SEEDS:
        return "called" if verdict.word == control.expect else "missed"
    return "not enough seeds" if _pairs(study, taken, control) else "no runs"


def _pairs(study: Study, taken: pd.DataFrame, control: Control) -> int:
    by_cell, lost = scores(taken, control.metric), failures(taken, control.metric)
    own = [c for c in contrasts(study, by_cell.keys()) if study.cells[c.arm].get(CONTROL) == control.name]
    return max((pairs(by_cell, contrast, lost).judged for contrast in own), default=0)
