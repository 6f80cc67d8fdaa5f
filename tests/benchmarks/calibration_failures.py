"""Verdicts where runs diverge, and whether they do depends on the arm: the rule, and the one that drops failures.

Of each way to diverge it is counted how often an arm is called what it is not: *better* where its worst runs, or runs
by chance, diverge and its scores have the baseline's distribution; *worse* where the baseline's do; either where both
diverge alike. ``Dropped`` is the rule without failures: the same verdicts on the survivors alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy.special import ndtri

from analysis.stats.verdict import MIN_SEEDS, compute_verdicts
from harness.records.power import ALPHA
from tests.benchmarks.calibration_world import ARMS, World, draw, problems, study

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from analysis.stats.verdict import Verdict
    from tests.benchmarks.calibration_world import Sweep

    Mask = NDArray[np.bool_]

DIVERGED: Final = "Diverged: the gradient is not finite"
OUTSIDE: Final = "NodeDiedError: the node of the run is gone"  # what drops a failure: the rule before this one
METRIC: Final = "final/accuracy"
SEEDS: Final = (6, 10)
SWEEPS: Final = 2_000
MOST: Final = 5.5  # per cent, the bar


@dataclass(frozen=True, slots=True)
class Divergence:
    """A way to diverge, with the words on an arm that are wrong then."""

    share: float  # of the runs
    which: Literal["worst", "chance", "seeds"]  # the worst runs, runs by chance, or seeds by chance, in all arms alike
    where: Literal["arms", "baseline", "all"]

    @property
    def wrong(self) -> frozenset[str]:
        """No arm has a better distribution of scores than the baseline, nor a worse one."""
        return {
            "arms": frozenset({"better"}),
            "baseline": frozenset({"worse"}),
            "all": frozenset({"better", "worse"}),
        }[self.where]

    def diverged(self, sweep: Sweep, draws: np.random.Generator) -> Mask:
        """Return which runs of a sweep diverge, by arm and seed (ARMS, n)."""
        accuracy = sweep.accuracy
        if self.which == "worst":
            gone = accuracy < accuracy.mean() + accuracy.std() * float(ndtri(self.share))
        elif self.which == "chance":
            gone = draws.random(accuracy.shape) < self.share
        else:
            gone = np.tile(draws.random(accuracy.shape[1]) < self.share, (ARMS, 1))
        if self.where == "arms":
            gone[0] = False
        if self.where == "baseline":
            gone[1:] = False
        return np.asarray(gone)


DIVERGENCES: Final[Mapping[str, Divergence]] = {
    "the worse half of every arm": Divergence(0.5, "worst", "arms"),
    "the worst tenth of every arm": Divergence(0.1, "worst", "arms"),
    "half of every arm, by chance": Divergence(0.5, "chance", "arms"),
    "the worst quarter of the baseline": Divergence(0.25, "worst", "baseline"),
    "the worst tenth of all cells": Divergence(0.1, "worst", "all"),
    "a tenth of all cells, by chance": Divergence(0.1, "chance", "all"),
    "half of the seeds, in all cells": Divergence(0.5, "seeds", "all"),
}


@dataclass(frozen=True, slots=True)
class Wrong:
    """Sweeps in which an arm was called what it is not."""

    any_of_them: list[bool]  # a sweep: at least one of ARMS - 1 contrasts, adjusted after Holm
    one_test: list[float]  # a sweep: share of the contrasts, each at 0.05 by itself


def wrong(
    seeds: int, places: Iterable[int], chosen: Mapping[str, Divergence] = DIVERGENCES
) -> dict[str, tuple[Wrong, Wrong]]:
    """Judge the sweeps of these numbers, each with every way to diverge: by the rule, and with failures dropped."""
    found = {name: (Wrong([], []), Wrong([], [])) for name in chosen}
    for place in places:
        draws = np.random.default_rng([seeds, place, *b"diverged"])
        world = World()
        sweep = draw(world, problems(world, draws), seeds, draws)
        runs = sweep.frame()
        for name, divergence in chosen.items():
            gone = divergence.diverged(sweep, draws)
            for kept, error in zip(found[name], (DIVERGED, OUTSIDE), strict=True):
                judged = compute_verdicts(study(f"{name} {place}", seeds), with_failures(runs, gone, error))
                calls = [(_word(v, v.p_adjusted), _word(v, v.p)) for v in judged]
                kept.any_of_them.append(any(word in divergence.wrong for word, _ in calls))
                kept.one_test.append(sum(word in divergence.wrong for _, word in calls) / (ARMS - 1))
    return found


def with_failures(runs: pd.DataFrame, gone: Mask, error: str) -> pd.DataFrame:
    """The runs of a sweep where some have failed with this error."""
    lost = gone.ravel()
    return runs.assign(
        status=np.where(lost, "failed", "finished"),
        error=np.where(lost, error, ""),
        **{METRIC: np.where(lost, np.nan, runs[METRIC])},
    )


def _word(verdict: Verdict, p: float) -> str:
    """Return what p alone would say, from so many seeds on as make a verdict; below them as if there were enough."""
    if verdict.judged >= MIN_SEEDS and p == verdict.p_adjusted:
        return verdict.word
    lead = verdict.lean if verdict.failed else verdict.difference
    return "none" if p > ALPHA or lead == 0 else "better" if lead > 0 else "worse"


def table(sweeps: int, chosen: Sequence[int] = SEEDS) -> int:
    """Print what the rule gets wrong, with the error of dropping failures beside it; return the bars missed."""
    print("\nRuns that diverge: per cent of sweeps with a wrong word, and of single tests, ± Monte Carlo error\n")
    print("| what diverges | seeds | any of seven | failures dropped | one test | failures dropped | bar |")
    print("|---|---|---|---|---|---|---|")
    missed = 0
    for seeds in chosen:
        for name, both in wrong(seeds, range(sweeps)).items():
            found = [share(values) for each in zip(*map(_shares, both), strict=True) for values in each]
            late = max(found[0][0], found[2][0]) > MOST
            texts = " | ".join(f"{value:.1f} ± {error:.1f}" for value, error in found)
            print(f"| {name} | {seeds} | {texts} | at most {MOST} |{' MISSED' * late}", flush=True)
            missed += late
    return missed


def _shares(found: Wrong) -> tuple[Sequence[float], Sequence[float]]:
    return found.any_of_them, found.one_test


def share(by_sweep: Sequence[float]) -> tuple[float, float]:
    """Per cent, with its Monte Carlo error over sweeps."""
    values = 100 * np.asarray(by_sweep, dtype=float)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


if __name__ == "__main__":
    sys.exit(int(table(int(sys.argv[1]) if len(sys.argv) > 1 else SWEEPS, [*map(int, sys.argv[2:])] or SEEDS) > 0))
