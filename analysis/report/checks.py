"""Whether the verdicts of a study can be trusted, and what they leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.inference.controls import known_effects
from analysis.inference.null import noise_floor
from analysis.inference.verdict import missing
from analysis.layout import name, varied

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from analysis.inference.gaps import Counted
    from analysis.inference.null import Kind, NoiseFloor
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


def checks(study: Study, taken: pd.DataFrame) -> Iterator[str]:
    """Known effects, called or not; then what the test says where nothing is to be found."""
    for effect in known_effects(study, taken):
        control = effect.control
        found = effect.state + effect.failures
        yield f"Known effect {control.name}, expected {control.expect} on {control.metric}: {found}."
    yield from map(_floor, noise_floor(study, taken))


def left_out(study: Study, taken: pd.DataFrame) -> Iterator[str]:
    """Contrasts and seeds that no verdict stands on, each with its reason."""
    axes = varied(study, study.cells)
    for gap in missing(study, taken):
        where = f"{name(axes, study.cells[gap.contrast.arm])}: " if gap.contrast else ""
        seeds = ", ".join(map(str, gap.seeds))
        yield f"{where}{'no verdict' if gap.whole else _COUNTED[gap.counted].format(seeds)}; {gap.because}"


def _floor(floor: NoiseFloor) -> str:
    low, high = floor.interval
    return (
        f"Noise floor, {floor.cells} {_PAIRS[floor.kind]}: {floor.called} of {floor.tests} tests at 5 % call a "
        f"difference ({floor.share:.1%}, 95 % interval {low:.1%} to {high:.1%}); the largest is {floor.largest:.3f}, "
        f"the deviation {floor.std:.3f}."
    )
