"""The table of known effects and false alarm rates of all grids of a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.stats import check_known_effects, measure_noise_floors, pool_noise_floors
from analysis.study import find_warning, select_planned
from analysis.tables.scores import Column, MissingScore, ResultTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from analysis.stats import NoiseFloor
    from analysis.tables.scores import Entry
    from harness.records import Study

COLUMNS: Final = (
    Column("grid", "grid", "label"),
    Column("what", "what", "label"),
    Column("expected", "expected", "label"),
    Column("found", "found", "label"),
    Column("share", "called different at 5 %", "number"),
    Column("low", "95 % interval from", "number"),
    Column("high", "to", "number"),
    Column("largest", "largest difference", "number"),
    Column("deviation", "deviation", "number"),
)
NOTES: Final = (
    "Known effects: a working harness calls them; the word is that of the control's verdict, six seeds or more.",
    "Twins cannot differ, and a cell does not differ from itself: what the same test calls different there, at 5 % a "
    "test, is a false alarm. A cell's seeds are split into two halves in every way; its splits overlap, so that the "
    "interval (Wilson) counts a cell as one test. Largest difference and deviation are in the grid's own metric.",
    "Grids share cells, hence runs: a cell counts in every grid that has it.",
)
_KINDS: Final = {"twins": "pairs of twins", "seed split": "split cells"}


def build_controls_table(studies: Sequence[tuple[Study, pd.DataFrame]]) -> ResultTable | None:
    """Return the table of controls for studies of one profile; None if it has no rows.

    ``studies`` pairs each study with the runs of its experiment.
    """
    found = [(study, select_planned(runs, study)) for study, runs in studies]
    floors = {study.name: measure_noise_floors(study, taken) for study, taken in found}
    rows = [*_effects(found), *_floors(floors), *_all(floors.values())]
    if not rows:
        return None
    profile = found[0][0].profile
    return ResultTable(
        name=f"controls.{profile}",
        title=f"Known effects and noise floors ({profile} profile)",
        warning=find_warning(found[0][0]),
        lead=("Can the verdicts of these grids be trusted?",),
        columns=COLUMNS,
        rows=tuple(rows),
        notes=NOTES,
    )


def _effects(found: Iterable[tuple[Study, pd.DataFrame]]) -> Iterator[tuple[Entry, ...]]:
    for study, taken in found:
        for effect in check_known_effects(study, taken):
            control = effect.control
            expected = f"{control.expect} on {control.metric}"
            yield study.name, control.name, expected, effect.state + effect.failures, *(MissingScore(),) * 5


def _floors(floors: dict[str, tuple[NoiseFloor, ...]]) -> Iterator[tuple[Entry, ...]]:
    for name, of_study in floors.items():
        for floor in of_study:
            yield name, *_numbers(floor)


def _all(floors: Iterable[Sequence[NoiseFloor]]) -> Iterator[tuple[Entry, ...]]:
    every = [floor for of_study in floors for floor in of_study]
    for kind in _KINDS:
        if floor := pool_noise_floors(every, kind):  # type: ignore[arg-type]  # the keys are the kinds
            yield "all of them", *_numbers(floor)


def _numbers(floor: NoiseFloor) -> tuple[Entry, ...]:
    low, high = floor.interval
    sizes = (f"{floor.share:.3f}", f"{low:.3f}", f"{high:.3f}", f"{floor.largest:.3f}", f"{floor.std:.3f}")
    return f"{floor.cells} {_KINDS[floor.kind]}", "no difference", f"{floor.called} of {floor.tests} called", *sizes
