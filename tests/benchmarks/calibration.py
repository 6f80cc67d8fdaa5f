"""Do verdicts keep their promises? ``python -m tests.benchmarks.calibration [sweeps]``; docs/evidence/calibration.md.

Simulated sweeps go through ``analysis.stats.verdict.compute_verdicts`` as recorded ones do. Exit code 1 where a bar is
missed.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.stats.paired_tests import Pairs, p_equivalent
from analysis.stats.verdict import BOOTSTRAP_SEEDS, MIN_SEEDS, compute_verdicts
from harness.records.power import ALPHA, power
from tests.benchmarks import calibration_failures
from tests.benchmarks.calibration_world import ARMS, World, draw, problems, study, truth

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.stats.verdict import Verdict
    from tests.benchmarks.calibration_world import Array, Fixed, Sweep

SEEDS: Final = (3, 5, 6, 10)
SWEEPS: Final = 2_000
COVERAGE: Final = (93.0, 97.0)  # the bars, per cent
ERROR: Final = (0.0, 5.5)
MORE: Final = 3  # times as many sweeps for errors, which lie close to their bar
SETS: Final = 50  # of problems in the power rows, each with sweeps / SETS sweeps
MANY: Final = 300  # seeds that tell the deviation which the plan is given

# Latent effects that the runs find about four times in five: below MIN_SEEDS by one test, from there on among seven.
FOUND: Final = {3: 0.5, 5: 0.25, 6: 0.36, 10: 0.22}
MARGIN: Final = 0.5  # latent; about 0.06 of accuracy

STRESSES: Final = {
    "heavy tails (t, 3 df)": World(run=0.25, tails=3.0),
    "arms three times as wild": World(run=0.1, wild=3.0),
    "accuracy near 1": World(accuracies=(0.96, 0.99)),
    "one run in ten collapses": World(collapse=(0.1, 3.0)),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """The words of ``compute_verdicts`` on the ARMS - 1 contrasts of one sweep, and the truth."""

    covered: Array  # 1 where the interval holds the true difference
    called: Array  # 1 where it is better or worse; below MIN_SEEDS where the adjusted p would say so
    p: Array
    equivalent: Array  # 1 where the adjusted p of equivalence says so, though the word may be better or worse
    p_equivalent: Array  # of each contrast by itself


@dataclass(frozen=True, slots=True)
class Share:
    """Per cent of something, with its Monte Carlo error."""

    value: float
    error: float
    sweeps: int

    @classmethod
    def of(cls, by_sweep: Sequence[float] | Array) -> Share:
        """From one value a sweep, for what lies within a sweep is not independent."""
        values = 100 * np.asarray(by_sweep, dtype=float)
        return cls(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))), len(values))

    def __str__(self) -> str:
        return f"{self.value:.1f} ± {self.error:.1f}"


@dataclass(frozen=True, slots=True)
class Row:
    """One number of the report, and the bar it has to keep; None where it has none."""

    what: str
    seeds: int
    found: Share
    bar: tuple[float, float] | None = None

    @property
    def kept(self) -> bool:
        """Whether it lies within its bar."""
        return self.bar is None or self.bar[0] <= self.found.value <= self.bar[1]

    def __str__(self) -> str:
        bar = "none" if self.bar is None else f"{self.bar[0]:.1f} to {self.bar[1]:.1f}"
        missed = "" if self.kept else " MISSED"
        return f"| {self.what} | {self.seeds} | {self.found} | {bar} | {self.found.sweeps} |{missed}"


def judge(name: str, sweep: Sweep, margin: float | None = None, *, outcomes: bool = False) -> Judged:
    """A sweep through the code that judges recorded runs."""
    seeds = sweep.accuracy.shape[1]
    found = compute_verdicts(study(name, seeds, margin), sweep.frame(), sweep.shares if outcomes else None)
    assert len(found) == ARMS - 1
    truths = sweep.truth[[v.contrast.arm for v in found]]
    early = seeds < MIN_SEEDS
    both = [Pairs(v.seeds, *(sweep.accuracy[[v.contrast.arm, v.contrast.baseline]])) for v in found if margin]
    return Judged(
        covered=np.array([v.interval[0] <= true <= v.interval[1] for v, true in zip(found, truths, strict=True)]),
        called=np.array([v.p_adjusted <= ALPHA if early else v.word in {"better", "worse"} for v in found]),
        p=np.array([v.p for v in found]),
        equivalent=np.array([_small(v) for v in found]),
        p_equivalent=np.array([p_equivalent(pair, margin) for pair in both]),
    )


def _small(verdict: Verdict) -> bool:
    return verdict.p_equivalent is not None and verdict.p_equivalent <= ALPHA


def null(world: World, seeds: int, sweeps: int, name: str, *, outcomes: bool = False) -> list[Judged]:
    """Sweeps in which no arm differs, unless the world's stress makes it."""
    return [
        judge(f"{name} {place}", draw(world, fixed, seeds, draws), outcomes=outcomes)
        for place, (fixed, draws) in enumerate(_fresh(world, seeds, sweeps, name))
    ]


def at_margin(seeds: int, sweeps: int, arms: int) -> list[Judged]:
    """Sweeps in which so many arms differ by the margin exactly, and the others not at all."""
    world = World(effects=tuple(MARGIN if 0 < place <= arms else 0.0 for place in range(ARMS)))
    name = f"margin {arms}"
    return [
        judge(f"{name} {place}", draw(world, fixed, seeds, draws), float(truth(world, fixed)[1]))
        for place, (fixed, draws) in enumerate(_fresh(world, seeds, sweeps, name))
    ]


@dataclass(frozen=True, slots=True)
class Promise:
    """Sweeps in which one arm differs, and the power that the plan promised: by one test, and among seven."""

    judged: list[Judged]
    alone: float
    among: float


def one_effect(seeds: int, sweeps: int, sets: int = SETS, name: str = "effect") -> Promise:
    """The plan is told the true difference and deviation of each set of problems."""
    world = World(effects=(0.0, FOUND[seeds], *(0.0 for _ in range(ARMS - 2))))
    judged: list[Judged] = []
    alone, among = [], []
    for number, (fixed, draws) in enumerate(_fresh(world, seeds, sets, name)):
        true, deviation = float(truth(world, fixed)[1]), _deviation(world, fixed, draws)
        alone.append(power(true, deviation, seeds))
        among.append(power(true, deviation, seeds, ALPHA / (ARMS - 1)))
        for place in range(sweeps // sets):
            judged.append(judge(f"{name} {number} {place}", draw(world, fixed, seeds, draws)))
    return Promise(judged, float(np.mean(alone)), float(np.mean(among)))


def _fresh(world: World, seeds: int, count: int, name: str) -> Iterator[tuple[Fixed, np.random.Generator]]:
    for place in range(count):
        draws = np.random.default_rng([seeds, place, *name.encode()])
        yield problems(world, draws), draws


def _deviation(world: World, fixed: Fixed, draws: np.random.Generator) -> float:
    accuracy = draw(world, fixed, MANY, draws).accuracy
    return float((accuracy[1] - accuracy[0]).std(ddof=1))


def rows(seeds: int, sweeps: int) -> Iterator[Row]:
    """The rows with bars of a number of seeds."""
    nothing = null(World(), seeds, MORE * sweeps, "null")
    yield Row("coverage, no effect", seeds, Share.of([j.covered.mean() for j in nothing]), COVERAGE)
    yield Row("family-wise error", seeds, Share.of([j.called.any() for j in nothing]), ERROR)
    yield from _margin_rows(seeds, sweeps)
    yield from _power_rows(seeds, sweeps)
    if seeds >= BOOTSTRAP_SEEDS:
        second = null(World(), seeds, sweeps, "outcomes", outcomes=True)
        yield Row("coverage, no effect, with outcomes", seeds, Share.of([j.covered.mean() for j in second]), COVERAGE)


def _margin_rows(seeds: int, sweeps: int) -> Iterator[Row]:
    """Holm is most lenient with the last one: six that are equivalent beside one that is not."""
    edge, lone = (at_margin(seeds, MORE * sweeps, arms) for arms in (ARMS - 1, 1))
    alone = Share.of([(j.p_equivalent <= ALPHA).mean() for j in edge])
    yield Row("coverage, all at the margin", seeds, Share.of([j.covered.mean() for j in edge]), COVERAGE)
    yield Row("equivalence error, one test", seeds, alone, ERROR)
    any_of_them = Share.of([j.equivalent.any() for j in edge])
    yield Row("equivalence error, any of seven at the margin", seeds, any_of_them, ERROR)
    yield Row("equivalence error, one of seven at the margin", seeds, Share.of([j.equivalent[0] for j in lone]), ERROR)


def _power_rows(seeds: int, sweeps: int) -> Iterator[Row]:
    kept = one_effect(seeds, sweeps)
    yield Row("coverage, one effect", seeds, Share.of([j.covered.mean() for j in kept.judged]), COVERAGE)
    for what, promised, found in (
        ("power of one test", 100 * kept.alone, [j.p[0] <= ALPHA for j in kept.judged]),
        ("power among seven", 100 * kept.among, [j.called[0] for j in kept.judged]),
    ):
        yield Row(f"{what}, promised {promised:.1f}", seeds, Share.of(found), (promised - 3, promised + 3))


def stress_rows(seeds: int, sweeps: int) -> Iterator[Row]:
    """Without bars: what happens outside the assumptions."""
    for name, world in STRESSES.items():
        found = null(world, seeds, sweeps, name)
        yield Row(f"coverage, {name}", seeds, Share.of([j.covered.mean() for j in found]))
        if not world.collapse[0]:
            yield Row(f"family-wise error, {name}", seeds, Share.of([j.called.any() for j in found]))


def main(sweeps: int) -> int:
    """All rows, as they are found. Exit code 1 where one misses its bar."""
    started, missed = time.process_time(), 0
    print("Per cent of simulated sweeps, or of their contrasts, ± Monte Carlo error\n")
    print("| what | seeds | found | bar | sweeps |\n|---|---|---|---|---|")
    for seeds in SEEDS:
        for row in rows(seeds, sweeps):
            print(row, flush=True)
            missed += not row.kept
    for seeds in SEEDS:
        for row in stress_rows(seeds, sweeps // 4):
            print(row, flush=True)
    missed += calibration_failures.table(sweeps)
    print(f"\n{missed} bars missed; {time.process_time() - started:.0f} CPU s")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SWEEPS))
