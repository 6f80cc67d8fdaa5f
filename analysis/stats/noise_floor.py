"""Validation of the statistical tests by known effects and by cells that cannot differ."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import isfinite, nan
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from analysis.stats.contrasts import Contrast, list_contrasts
from analysis.stats.paired_tests import pair_scores, paired_p_values
from analysis.stats.twins import find_twins
from analysis.stats.verdict import MIN_SEEDS, Verdict, compute_verdicts
from analysis.study import read_failures, read_scores
from harness.records import ALPHA, CONTROL_AXIS, Control

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from analysis.stats.estimates import Array
    from harness.records import Study

    Places = NDArray[np.int64]  # indices of seeds


State = Literal["called", "missed", "not enough seeds", "no runs"]


@dataclass(frozen=True, slots=True)
class KnownEffect:
    """A control and whether its verdict is the expected one."""

    control: Control
    state: State
    verdict: Verdict | None  # None with fewer than two common pairs

    @property
    def failures(self) -> str:
        """The end of a sentence, such as ``, 6 of 6 seeds failed``; empty if no run failed."""
        return f", {self.verdict.failures}" if self.verdict is not None and self.verdict.failed else ""


def check_known_effects(study: Study, taken: pd.DataFrame) -> tuple[KnownEffect, ...]:
    """Return the result of every control of the study, in order."""
    return tuple(_known_effects(study, taken))


def _known_effects(study: Study, taken: pd.DataFrame) -> Iterator[KnownEffect]:
    judged = {
        study.cells[verdict.contrast.arm].get(CONTROL_AXIS): verdict for verdict in compute_verdicts(study, taken)
    }
    for control in study.controls:
        verdict = judged.get(control.name)
        yield KnownEffect(control, _state(study, taken, control, verdict), verdict)


def _state(study: Study, taken: pd.DataFrame, control: Control, verdict: Verdict | None) -> State:
    if verdict is not None and verdict.judged >= MIN_SEEDS:
        return "called" if verdict.word == control.expect else "missed"
    return "not enough seeds" if _pairs(study, taken, control) else "no runs"


def _pairs(study: Study, taken: pd.DataFrame, control: Control) -> int:
    by_cell, lost = read_scores(taken, control.metric), read_failures(taken, control.metric)
    own = [c for c in list_contrasts(study, by_cell.keys()) if study.cells[c.arm].get(CONTROL_AXIS) == control.name]
    return max((pair_scores(by_cell, contrast, lost).judged for contrast in own), default=0)


Kind = Literal["twins", "seed split"]

MOST_SEEDS: Final = 12  # of a cell that is split: 462 splits


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """The false alarm rate of tests between cells that cannot differ, each at the 5 % level."""

    kind: Kind
    cells: int  # pairs of twins, or cells that were split
    tests: int
    called: int  # false alarms: tests with p at most 5 %
    interval: tuple[float, float]  # 95 % interval of the share (Wilson); the splits of a cell count as one test
    largest: float  # largest absolute difference
    std: float  # root mean square of the differences

    @property
    def share(self) -> float:
        """The false alarm rate; nan without any test."""
        return self.called / self.tests if self.tests else nan


def measure_noise_floors(study: Study, taken: pd.DataFrame) -> tuple[NoiseFloor, ...]:
    """Return the noise floors of the twins and of split seeds; kinds without tests are absent.

    Twins are compared with each other. A cell is compared with itself by splitting its seeds into two halves.
    """
    by_cell = read_scores(taken, study.metric)
    found: dict[Kind, list[tuple[Array, Array]]] = {
        "twins": [*_twins(study, by_cell)],
        "seed split": [*_splits(study, by_cell)],
    }
    return tuple(_judged(kind, samples) for kind, samples in found.items() if samples)


def pool_noise_floors(floors: Sequence[NoiseFloor], kind: Kind) -> NoiseFloor | None:
    """Return the noise floors of one kind, pooled over several studies; None if there are none."""
    chosen = [floor for floor in floors if floor.kind == kind]
    if not chosen:
        return None
    cells, tests, called = (sum(getattr(f, part) for f in chosen) for part in ("cells", "tests", "called"))
    std = float(np.sqrt(sum(floor.tests * floor.std**2 for floor in chosen) / tests))
    largest = max(floor.largest for floor in chosen)
    return NoiseFloor(kind, cells, tests, called, _wilson(called / tests, cells), largest, std)


def _judged(kind: Kind, samples: list[tuple[Array, Array]]) -> NoiseFloor:
    """Return the noise floor of samples, which are paired scores (n, m) of m tests.

    Each sample belongs to one cell or one pair of cells.
    """
    p = np.concatenate([paired_p_values(arm, baseline) for arm, baseline in samples])
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
    """Yield the scores of twins with different settings. Equal settings share their runs."""
    pairs_of_ids = {
        (study.cell_ids[twin.cell], study.cell_ids[twin.of]): (twin.cell, twin.of)
        for twin in find_twins(study).values()
    }
    for (one_id, other_id), (one, other) in pairs_of_ids.items():
        pair = pair_scores(by_cell, Contrast(one, other, "control", study.metric))
        if one_id != other_id and len(pair.seeds) > 1:
            yield pair.arm[:, None], pair.baseline[:, None]


def _splits(study: Study, by_cell: Mapping[int, Mapping[int, float]]) -> Iterator[tuple[Array, Array]]:
    """Yield all splits of a cell's seeds into two halves, paired in rising order.

    If the number of seeds is odd, the last seed is left out.
    """
    own = {study.cell_ids[cell]: seeds for cell, seeds in by_cell.items()}
    for cell_id in dict.fromkeys(study.cell_ids):
        seeds = own.get(cell_id, {})
        values = np.array([seeds[seed] for seed in sorted(seeds) if isfinite(seeds[seed])][:MOST_SEEDS])
        if len(values) > 3:
            first, second = _halves(len(values) // 2)
            yield values[first], values[second]


def _halves(size: int) -> tuple[Places, Places]:
    """Return the indices (size, m) of both halves for all m splits of 2 * size seeds.

    Index 0 is always in the first half.
    """
    first = np.array([(0, *others) for others in combinations(range(1, 2 * size), size - 1)])
    second = np.array([sorted({*range(2 * size)} - {*row}) for row in first.tolist()])
    return first.T, second.T
