"""How much a paired difference varies over training seeds: from recorded runs, else from a constant that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.records import CONTROL, OFF, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Labels = Mapping[str, str]

# The pooled deviation behind the intervals of results/tables/norm_ablation.laptop.csv: eleven contrasts of three pairs.
LAPTOP_STD: Final = 0.019
# Five points a seed on AIME and AMC (arXiv:2504.07086) and one on the larger sets make 0.021 between two runs in a mean
# over the paper's six; ScaleRL finds 0.02 between repeats (arXiv:2510.13786).
GPU_STD: Final = 0.02
LEAST_PAIRS: Final = 4  # degrees of freedom; with fewer a deviation is off by half as often as not


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviation of the difference between an arm and its baseline with the same seed."""

    std: float
    source: str  # in words


@dataclass(frozen=True, slots=True)
class Pilot:
    """Recorded runs of one study, and what they are compared with."""

    name: str
    baseline: Labels
    records: Sequence[RunRecord]


def noise(metric: str, own: Pilot, others: Iterable[Pilot], profile: str) -> Noise:
    """From this study's runs, else from those of others under the same profile, else assumed."""
    if found := _pooled(metric, [own]):
        return Noise(found[0], f"from {found[1]} recorded pairs of this study")
    elsewhere = [pilot for pilot in others if pilot.name != own.name]
    if found := _pooled(metric, elsewhere):
        names = ", ".join(dict.fromkeys(pilot.name for pilot in elsewhere if _spread(metric, pilot)[1]))
        return Noise(found[0], f"from {found[1]} recorded pairs of {names}")
    if profile == "gpu":
        return Noise(GPU_STD, "assumed after arXiv:2504.07086 and 2510.13786; nothing is recorded yet")
    return Noise(LAPTOP_STD, "that of norm_ablation on the laptop; nothing is recorded yet")


def _pooled(metric: str, pilots: Sequence[Pilot]) -> tuple[float, int] | None:
    """The pooled deviation and the number of pairs."""
    spreads = [_spread(metric, pilot) for pilot in pilots]
    squares, freedom = sum(each[0] for each in spreads), sum(each[1] for each in spreads)
    if freedom < LEAST_PAIRS:
        return None
    return sqrt(squares / freedom), sum(each[2] for each in spreads)


def _spread(metric: str, pilot: Pilot) -> tuple[float, int, int]:
    """Sum of squares about the mean of each contrast, their degrees of freedom, and pairs."""
    squares, freedom, pairs = 0.0, 0, 0
    for differences in _differences(metric, pilot):
        squares += float(np.square(differences - np.mean(differences)).sum())
        freedom, pairs = freedom + len(differences) - 1, pairs + len(differences)
    return squares, freedom, pairs


def _differences(metric: str, pilot: Pilot) -> Iterator[np.ndarray]:
    """One array a contrast of two seeds or more."""
    scores: dict[frozenset[tuple[str, str]], dict[int, float]] = {}
    for record in pilot.records:
        score = record.scores.get(metric)
        if record.status == "finished" and score is not None and isfinite(score):
            scores.setdefault(frozenset(record.labels.items()), {})[record.seed] = score
    for point, arm in scores.items():
        labels = dict(point)
        back = frozenset({**labels, **pilot.baseline}.items())
        common = sorted(arm.keys() & scores.get(back, {}).keys())
        if back != point and len(common) > 1 and labels.get(CONTROL, OFF) == OFF:
            yield np.array([arm[seed] - scores[back][seed] for seed in common])
