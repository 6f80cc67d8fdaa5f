"""A tuning trial: its job, its last message and its outcome."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from harness.common import format_duration
from harness.config import ExperimentConfig
from sweeps.grid import FINISHED, FlatRange
from sweeps.launch import RunEnded


@dataclass(frozen=True, slots=True)
class TrialJob:
    """A value to try for a model: a run of the launcher that trains on its seeds one after the other."""

    label: str  # of the model
    number: int  # number of the trial of that model
    value: float
    name: str  # "lr=0.0003 small_base"
    config: ExperimentConfig  # its seed has no meaning
    seeds: tuple[int, ...]
    seconds: float  # expected
    folder: None = None  # it writes nothing

    @property
    def run_id(self) -> str:
        """The name of the job in messages; trials of the same value may run in parallel."""
        return f"{self.name} trial {self.number}"

    @property
    def steps(self) -> int:
        """The steps of all seeds; they are counted through in messages."""
        return self.config.steps * len(self.seeds)


@dataclass(frozen=True, slots=True)
class TrialEnded(RunEnded):
    """The last message of a job."""

    seconds: float
    objective: float | None = None  # the driver computes it

    def summary(self) -> str:
        """Return the objective and the duration."""
        return f"accuracy {self.objective:.3f}, {format_duration(self.seconds)}"


State = Literal["finished", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """The outcome of one tried value."""

    value: float
    state: State
    objective: float | None  # mean over seeds; None unless the trial finished
    seeds: tuple[float, ...]  # the objective of each finished seed
    stopped: str | None  # where it was pruned, or why it failed
    seconds: float
    commit: str
    repeats: bool  # the value had been tried, so nothing ran


def count_averaged_steps(steps: int) -> int:
    """Return the number of steps that an objective averages: the last quarter."""
    return max(1, math.ceil(steps / 4))


def find_best(outcomes: Sequence[TrialOutcome]) -> TrialOutcome | None:
    """Return the finished trial with the largest objective; the first of equal ones."""
    finished = [outcome for outcome in outcomes if outcome.state == FINISHED]
    return max(finished, key=lambda outcome: outcome.objective or 0.0, default=None)


def find_flat_range(outcomes: Sequence[TrialOutcome]) -> FlatRange | None:
    r"""Return the values whose objective is within the noise of the best.

    With y_ij of trial i and seed j, over the K seeds and the T best trials (half of them, but at least three),

    .. math:: s^2 = \frac{\sum (y_{ij} - \bar y_i - \bar y_j + \bar y)^2}{(T-1)(K-1)},\quad
       noise = t_{0.975,(T-1)(K-1)}\; s\, \sqrt{2/K}

    Seeds are paired, so that the effect of a seed on all trials cancels. Returns None with fewer than three finished
    trials. The best of many is too good by chance, which this does not correct: it is a note to a reader and no test.
    """
    finished = {outcome.value: outcome for outcome in outcomes if outcome.state == FINISHED}  # repeated values once
    if len(finished) < 3:
        return None
    scores = np.array([outcome.seeds for outcome in finished.values()])  # (T, K)
    means = scores.mean(axis=1)
    noise = _noise(scores[np.argsort(-means, kind="stable")[: max(3, math.ceil(len(means) / 2))]])
    near = [value for value, mean in zip(finished, means, strict=True) if mean >= means.max() - noise]
    return FlatRange(min(near), max(near), len(near), noise)


def _noise(scores: np.ndarray) -> float:
    """Return half the 95 % interval of the difference between two rows' means.

    ``scores`` is (T trials, K seeds).
    """
    trials, seeds = scores.shape
    freedom = (trials - 1) * (seeds - 1)
    rest = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0, keepdims=True) + scores.mean()
    spread = math.sqrt(float((rest**2).sum()) / freedom)
    return float(stats.t.ppf(0.975, freedom)) * spread * math.sqrt(2 / seeds)
