"""Simulated sweeps: arms, seeds, problems and samples as runs of this harness have them, with a known truth.

Sample j of problem i in the run of arm a under seed s is right where

    level + problem_i + effect_a + seed_s + run_as + interaction_is + interaction_ias > stream_ij + sample_ijas

Everything is normal but for the stresses. ``seed`` and ``interaction_is`` are shared by all arms of a seed, which is
what pairing gains. ``problem`` and ``stream`` are the same in all runs of a sweep: arms are asked equal problems with
equal sampling streams. The truth is therefore the mean over seeds given both, and has a closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from harness.records.record import Study

Array = NDArray[np.float64]

ARMS = 8  # the first is the baseline
PROBLEMS = 128
SAMPLES = 8
CELLS = tuple({"arm": f"arm {place}"} for place in range(ARMS))


@dataclass(frozen=True, slots=True)
class World:
    """Deviations on the latent scale, chosen so that scores vary as recorded ones do (docs/evidence/calibration.md)."""

    effects: tuple[float, ...] = (0.0,) * ARMS
    accuracies: tuple[float, float] = (0.2, 0.9)  # of the baseline, uniform over sweeps
    problem: float = 1.9
    seed: float = 0.06
    run: float = 0.05
    shared_interaction: float = 0.8
    interaction: float = 0.6
    stream: float = 1.2
    sample: float = 1.2
    tails: float | None = None  # degrees of freedom of the run's noise, scaled to the same deviation; None: normal
    wild: float = 1.0  # times the run's noise, in all arms but the baseline
    collapse: tuple[float, float] = (0.0, 0.0)  # share of runs of all arms but the baseline, and how far they fall

    @property
    def fresh(self) -> Array:
        """Deviation (ARMS,) of all that a seed draws anew."""
        wild = np.array([1.0, *(self.wild for _ in range(ARMS - 1))])
        fixed = self.seed**2 + self.shared_interaction**2 + self.interaction**2 + self.sample**2
        return np.sqrt(fixed + (wild * self.run) ** 2)


@dataclass(frozen=True, slots=True)
class Fixed:
    """What all runs of a sweep have in common: level and problems (N,), sampling streams (N, k)."""

    problem: Array
    stream: Array


@dataclass(frozen=True, slots=True)
class Sweep:
    """Share right by arm, seed and problem (ARMS, n, N), and the true mean difference (ARMS,) of each arm."""

    right: Array
    truth: Array

    @property
    def accuracy(self) -> Array:
        """By arm and seed (ARMS, n)."""
        return self.right.mean(axis=2)

    def frame(self) -> pd.DataFrame:
        """As ``analysis.study.runs.select_planned`` gives it."""
        scores = {
            "final/accuracy": self.accuracy.ravel(),
            "final/accuracy/se": self.right.std(axis=2, ddof=1).ravel() / sqrt(self.right.shape[2]),
        }
        return _runs(self.accuracy.shape[1]).assign(**scores)

    def shares(self, run_id: str) -> pd.Series:
        """As ``analysis.stats.evaluation.ShareReader``."""
        arm, seed = (int(part[1:]) for part in run_id.split("-"))
        return pd.Series(self.right[arm, seed], index=_problems())


@cache
def _problems() -> pd.MultiIndex:
    return pd.MultiIndex.from_product([["simulated"], range(PROBLEMS)], names=["benchmark", "problem_id"])


@cache
def _runs(count: int) -> pd.DataFrame:
    arms, seeds = (places.ravel() for places in np.indices((ARMS, count)))
    cells = [f"c{arm}" for arm in arms]
    return pd.DataFrame(
        {
            "run_id": [f"{cell}-s{seed}" for cell, seed in zip(cells, seeds, strict=True)],
            "cell_id": cells,
            "profile": "simulated",
            "seed": seeds,
            "status": "finished",
            "error": None,
            "cell": arms,
        }
    )


def study(name: str, seeds: int, margin: float | None = None) -> Study:
    """All arms against the first; one primary family of ARMS - 1 contrasts."""
    labels = {"arm": tuple(cell["arm"] for cell in CELLS)}
    ids = tuple(f"c{place}" for place in range(ARMS))
    numbers = tuple(range(seeds))
    return Study(name, "simulated", "?", "final/accuracy", labels, CELLS[0], numbers, CELLS, ids, margin=margin)


def problems(world: World, draws: np.random.Generator) -> Fixed:
    """The problems and the streams of a sweep."""
    wide = sqrt(world.problem**2 + world.stream**2 + float(world.fresh[0]) ** 2)
    level = wide * float(ndtri(draws.uniform(*world.accuracies)))
    problem = level + world.problem * draws.standard_normal(PROBLEMS)
    return Fixed(problem, world.stream * draws.standard_normal((PROBLEMS, SAMPLES)))


def truth(world: World, fixed: Fixed) -> Array:
    """Mean difference (ARMS,) to the baseline over all seeds, on these problems with these streams."""
    share, fall = world.collapse
    latent = (fixed.problem[:, None] - fixed.stream)[None] + np.array(world.effects)[:, None, None]
    deviation = world.fresh[:, None, None]
    found = ndtr(latent / deviation).mean(axis=(1, 2))
    fallen = ndtr((latent - fall) / deviation).mean(axis=(1, 2))
    found[1:] = (1 - share) * found[1:] + share * fallen[1:]
    return np.asarray(found - found[0])


def draw(world: World, fixed: Fixed, seeds: int, draws: np.random.Generator) -> Sweep:
    """One sweep of all arms under so many seeds."""
    shape = (ARMS, seeds, PROBLEMS)
    latent = fixed.problem + np.array(world.effects)[:, None, None] + world.seed * draws.standard_normal((seeds, 1))
    latent = latent + _run(world, seeds, draws)[:, :, None]
    latent = latent + world.shared_interaction * draws.standard_normal(shape[1:])
    latent = latent + world.interaction * draws.standard_normal(shape)
    noise = world.sample * draws.standard_normal((*shape, SAMPLES), dtype=np.float32) + fixed.stream
    return Sweep((latent[..., None] > noise).mean(axis=3), truth(world, fixed))


def _run(world: World, seeds: int, draws: np.random.Generator) -> Array:
    """Noise (ARMS, seeds) of each run, its collapse included."""
    df, (share, fall) = world.tails, world.collapse
    unit = (
        draws.standard_normal((ARMS, seeds))
        if df is None
        else draws.standard_t(df, (ARMS, seeds)) / sqrt(df / (df - 2))
    )
    fallen = draws.random((ARMS, seeds)) < share
    fallen[0] = False
    unit[1:] *= world.wild
    return np.asarray(world.run * unit - fall * fallen)
