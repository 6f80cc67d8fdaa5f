"""Check the tests themselves: known effects, and cells that cannot differ."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import isfinite, nan
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from analysis.stats.contrasts import Contrast, contrasts
from analysis.stats.paired_test import different, pairs
from analysis.stats.twins import twins_of
from analysis.stats.verdict import MIN_SEEDS, Verdict, verdicts
from analysis.study.frame import failures, scores
from harness.records.power import ALPHA
from harness.records.record import CONTROL, Control

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from harness.records.record import Study


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


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from analysis.stats.bootstrap import Array
    from harness.records.record import Study

    Places = NDArray[np.int64]

Kind = Literal["twins", "seed split"]

MOST_SEEDS: Final = 12  # of a cell that are split: 462 ways


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """Tests in which nothing is to be found, each at the level of 5 % by itself."""

    kind: Kind
    cells: int  # pairs of twins, or cells that were split
    tests: int
    called: int  # different
    interval: tuple[float, float]  # 95 % of the share called (Wilson); a cell's splits count as one test
    largest: float  # of the differences' sizes
    std: float  # of the differences, about zero

    @property
    def share(self) -> float:
        """Called different, of all tests; nan without any."""
        return self.called / self.tests if self.tests else nan


def noise_floor(study: Study, taken: pd.DataFrame) -> tuple[NoiseFloor, ...]:
    """Twins that ran beside each other, then seeds of one cell against others of it; absent where nothing is tested."""
    by_cell = scores(taken, study.metric)
    found: dict[Kind, list[tuple[Array, Array]]] = {
        "twins": [*_twins(study, by_cell)],
        "seed split": [*_splits(study, by_cell)],
    }
    return tuple(_judged(kind, samples) for kind, samples in found.items() if samples)


def pooled(floors: Sequence[NoiseFloor], kind: Kind) -> NoiseFloor | None:
    """The floors of one kind over several studies as one; None where there is none."""
    chosen = [floor for floor in floors if floor.kind == kind]
    if not chosen:
        return None
    cells, tests, called = (sum(getattr(f, part) for f in chosen) for part in ("cells", "tests", "called"))
    std = float(np.sqrt(sum(floor.tests * floor.std**2 for floor in chosen) / tests))
    largest = max(floor.largest for floor in chosen)
    return NoiseFloor(kind, cells, tests, called, _wilson(called / tests, cells), largest, std)


def _judged(kind: Kind, samples: list[tuple[Array, Array]]) -> NoiseFloor:
    """Samples: paired scores (n, m) of m tests of one cell or pair of cells."""
    p = np.concatenate([different(arm, baseline) for arm, baseline in samples])
    gaps = np.concatenate([(arm - baseline).mean(axis=0) for arm, baseline in samples])
    called = int((p <= ALPHA).sum())
    return NoiseFloor(
        kind=kind,
        cells=len(samples),
        tests=len(p),
        called=called,
        interval=_wilson(called / len(p), len(samples)),
        largest=float(np.abs(gaps).max()),
        std=float(np.sqrt((gaps**2).mean())),
    )


def _wilson(share: float, cells: int) -> tuple[float, float]:
    low, high = proportion_confint(share * cells, cells, alpha=1 - 0.95, method="wilson")
    return float(low), float(high)


def _twins(study: Study, by_cell: Mapping[int, Mapping[int, float]]) -> Iterator[tuple[Array, Array]]:
    """Of different settings; those of equal settings share their runs."""
    pairs_of_ids = {
        (study.cell_ids[twin.cell], study.cell_ids[twin.of]): (twin.cell, twin.of) for twin in twins_of(study).values()
    }
    for (one_id, other_id), (one, other) in pairs_of_ids.items():
        pair = pairs(by_cell, Contrast(one, other, "control", study.metric))
        if one_id != other_id and len(pair.seeds) > 1:
            yield pair.arm[:, None], pair.baseline[:, None]


def _splits(study: Study, by_cell: Mapping[int, Mapping[int, float]]) -> Iterator[tuple[Array, Array]]:
    """All ways to split a cell's seeds in two halves, paired in rising order; an odd seed, the last, stays out."""
    own = {study.cell_ids[cell]: seeds for cell, seeds in by_cell.items()}
    for cell_id in dict.fromkeys(study.cell_ids):
        seeds = own.get(cell_id, {})
        values = np.array([seeds[seed] for seed in sorted(seeds) if isfinite(seeds[seed])][:MOST_SEEDS])
        if len(values) > 3:
            first, second = _halves(len(values) // 2)
            yield values[first], values[second]


def _halves(size: int) -> tuple[Places, Places]:
    """Places (size, m) in both halves, for all m splits of 2 * size places; place 0 is in the first."""
    first = np.array([(0, *others) for others in combinations(range(1, 2 * size), size - 1)])
    second = np.array([sorted({*range(2 * size)} - {*row}) for row in first.tolist()])
    return first.T, second.T
