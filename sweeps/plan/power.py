"""Power analysis of a grid: noise from recorded runs, detectable effects, seeds.

Detectable effects and seeds are for 80 % power. The level is that of the first step of Holm's procedure over the
primary contrasts, alpha / m, which is the hardest one to reject. ``harness.records.power`` does the computations, for
this and for the verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, isnan, nan, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import stdtrit

from harness.records import (
    ALPHA,
    CONTROL_AXIS,
    CONTROL_OFF,
    LEAST_SEEDS,
    RunRecord,
    find_detectable_effect,
    find_seeds_needed,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from harness.tracking import Store
    from sweeps.grid import Grid


ENOUGH: Final = 400  # records; more would slow the plan without better estimates


def read_prior_studies(store: Store, grid: Grid) -> Iterator[PriorStudy]:
    """Yield prior studies until they have enough runs, those with the same metric first."""
    studies = [study for study in store.studies() if study.profile == grid.profile and study.name != grid.name]
    left = ENOUGH
    for study in sorted(studies, key=lambda study: study.metric != grid.metric):
        here = [record for record in store.records(study.name) if record.cell_id in {*study.cell_ids}][: max(left, 0)]
        left -= len(here)
        if here:
            yield PriorStudy(study.name, study.baseline, here)
        if left <= 0:
            return


Labels = Mapping[str, str]

ACCURACY: Final = "final/accuracy"  # the score of the noise constants
# The pooled standard deviation of norm_ablation.laptop.csv in results/reference/tables: eleven contrasts of
# three pairs.
LAPTOP_STD: Final = 0.019
# Five points per seed on AIME and AMC (arXiv:2504.07086) and one on the larger sets give 0.021 between two runs in the
# mean over the paper's six benchmarks; ScaleRL finds 0.02 between repeats (arXiv:2510.13786).
GPU_STD: Final = 0.02
LEAST_PAIRS: Final = 4  # degrees of freedom; with fewer, a standard deviation is often wrong by half


@dataclass(frozen=True, slots=True)
class Noise:
    """The standard deviation of the difference between an arm and its baseline at equal seeds."""

    std: float  # in the unit of the score; nan where it is not known
    source: str  # in words

    @property
    def known(self) -> bool:
        """True if the standard deviation is known."""
        return not isnan(self.std)


@dataclass(frozen=True, slots=True)
class PriorStudy:
    """The recorded runs of one study, and its baseline."""

    name: str
    baseline: Labels
    records: Sequence[RunRecord]


def estimate_noise(
    metric: str, own: PriorStudy, others: Iterable[PriorStudy], profile: str, models: Collection[str] = ()
) -> Noise:
    """Return the noise of a score, from this study's runs or from other studies of the profile.

    Args:
        metric: The score that decides.
        own: The study's runs.
        others: Other studies, whose runs count where this one has too few.
        profile: The profile of all of them.
        models: Paths of the planned models. Runs of them are preferred to runs of others, and those without a recorded
            pair are named.

    Returns:
        The pooled standard deviation. Without enough pairs it is a constant for final accuracy, and nan for all other
        scores.

    """
    elsewhere = [pilot for pilot in others if pilot.name != own.name]
    for pilots, wanted in (([own], ()), (elsewhere, models), (elsewhere, ())):
        found = _Spread.of(metric, pilots, wanted)
        if found.freedom >= LEAST_PAIRS:
            where = "this study" if pilots == [own] else ", ".join(found.studies)
            return Noise(
                sqrt(found.squares / found.freedom),
                f"from {found.pairs} recorded pairs of {where}" + found.lack(models),
            )
    if metric != ACCURACY:
        few = _Spread.of(metric, [own, *elsewhere], ()).pairs
        return Noise(nan, f"{few or 'no'} recorded pair{'s' * (few > 1)} of {metric}")
    if profile == "gpu":
        return Noise(GPU_STD, "assumed after arXiv:2504.07086 and 2510.13786; no run is recorded yet")
    return Noise(LAPTOP_STD, "that of norm_ablation on the laptop; no run is recorded yet")


@dataclass(frozen=True, slots=True)
class _Spread:
    """The spread of the differences of recorded pairs."""

    squares: float  # sum about the mean of each contrast
    freedom: int  # degrees of freedom
    pairs: int
    studies: tuple[str, ...]
    models: frozenset[str]

    @classmethod
    def of(cls, metric: str, pilots: Iterable[PriorStudy], models: Collection[str]) -> _Spread:
        """Count the pairs of these studies, restricted to the given models if there are any."""
        found = [
            (pilot.name, model, differences)
            for pilot in pilots
            for model, differences in _differences(metric, pilot)
            if not models or model in models
        ]
        return cls(
            squares=sum(float(np.square(each - np.mean(each)).sum()) for _, _, each in found),
            freedom=sum(len(each) - 1 for _, _, each in found),
            pairs=sum(len(each) for _, _, each in found),
            studies=tuple(dict.fromkeys(name for name, _, _ in found)),
            models=frozenset(model for _, model, _ in found),
        )

    def lack(self, models: Collection[str]) -> str:
        """Return which of these models have no pair here, in words."""
        without = [model for model in dict.fromkeys(models) if model not in self.models]
        return f", none of {' or '.join(without)}" if without else ""


def _differences(metric: str, pilot: PriorStudy) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the model and the differences of each contrast with two or more seeds.

    Without a baseline, cells are compared with the cell that has the most runs.
    """
    scores: dict[frozenset[tuple[str, str]], dict[int, float]] = {}
    models: dict[frozenset[tuple[str, str]], str] = {}
    for record in pilot.records:
        score, point = _score(record, metric), frozenset(record.labels.items())
        if (
            record.status == "finished"
            and isfinite(score)
            and record.labels.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF
        ):
            scores.setdefault(point, {})[record.seed] = score
            models[point] = record.config.get("model", {}).get("path", "")
    fullest = max(scores, key=lambda point: len(scores[point]), default=frozenset())
    for point, arm in scores.items():
        back = frozenset({**dict(point), **pilot.baseline}.items()) if pilot.baseline else fullest
        common = sorted(arm.keys() & scores.get(back, {}).keys())
        if back != point and len(common) > 1:
            yield models[point], np.array([arm[seed] - scores[back][seed] for seed in common])


def _score(record: RunRecord, metric: str) -> float:
    """Return a score of a run, or its cost; nan where it has none."""
    costs = {"cpu_seconds": record.cpu_seconds, "wall_seconds": record.wall_seconds}
    return costs.get(metric, record.scores.get(metric, nan))


if TYPE_CHECKING:
    from sweeps.grid import Grid


@dataclass(frozen=True, slots=True)
class PowerAnalysis:
    """The power of one kind of comparison that the grid makes."""

    metric: str
    comparisons: int  # number of comparisons that share the level
    primary: bool  # True if they are declared; others are exploratory, at the full level
    cells: int  # cells per side: 1 for a contrast, half of all cells for a main effect
    seeds: int
    noise: Noise

    @property
    def level(self) -> float:
        """The significance level of one comparison."""
        return ALPHA / max(self.comparisons, 1) if self.primary else ALPHA

    @property
    def std(self) -> float:
        """The standard deviation of the comparison with one seed.

        It assumes independent cells of equal noise.
        """
        return self.noise.std / sqrt(self.cells)

    @property
    def smallest(self) -> float:
        """The smallest effect detected with 80 % power.

        It is infinite with one seed, and nan where the noise is not known.
        """
        return find_detectable_effect(self.std, self.seeds, self.level)

    @property
    def least_margin(self) -> float:
        """The largest margin at which equal arms are not called equivalent at level 0.05."""
        if self.seeds < 2:
            return inf
        return float(stdtrit(self.seeds - 1, 1 - ALPHA)) * self.std / sqrt(self.seeds)

    def needed(self, effect: float) -> int | None:
        """Return the seeds that detect an effect of this size with 80 % power, at least six.

        With fewer seeds a verdict would be exploratory. Returns None where no number of seeds is enough, or where the
        noise is not known.
        """
        if not self.noise.known:
            return None
        try:
            return max(find_seeds_needed(effect, self.std, self.level), LEAST_SEEDS)
        except ValueError:
            return None

    def with_seeds(self, seeds: int) -> PowerAnalysis:
        """Return the same analysis with another number of seeds."""
        return replace(self, seeds=seeds)


def analyze_power(grid: Grid, cells: Sequence[Labels], noise: Noise) -> PowerAnalysis | None:
    """Return the power of the comparisons of the planned cells.

    Args:
        grid: the grid
        cells: the labels of the planned cells
        noise: the noise of the metric

    Returns:
        The analysis, or None where the grid has neither a baseline nor a factorial.

    """
    if grid.fraction:
        factors = sum(len({cell[axis] for cell in cells}) > 1 for axis in grid.axes if axis != CONTROL_AXIS)
        return PowerAnalysis(grid.metric, factors, False, max(len(cells) // 2, 1), len(grid.seeds), noise)
    arms = find_planned_contrasts(grid, cells)
    declared = [arm for arm in arms if is_primary(grid, arm)]
    if not arms:
        return None
    return PowerAnalysis(grid.metric, len(declared or arms), bool(declared), 1, len(grid.seeds), noise)


def find_planned_contrasts(grid: Grid, cells: Sequence[Labels]) -> list[Labels]:
    """Return the cells whose baseline is another planned cell; controls do not count."""
    planned = {frozenset(cell.items()) for cell in cells}
    usual = [cell for cell in cells if cell.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF]
    return [
        cell
        for cell in usual
        if (back := find_baseline_labels(grid, cell)) and back != cell and frozenset(back.items()) in planned
    ]


def find_baseline_labels(grid: Grid, cell: Labels) -> Labels:
    """Return the labels of the cell's baseline; empty where the grid has no baseline."""
    return {**cell, **grid.baseline} if grid.baseline else {}


def is_primary(grid: Grid, arm: Labels) -> bool:
    """Return True if the contrast of this cell is declared as primary."""
    return grid.primary is None or any(part.covers(arm) for part in grid.primary)
