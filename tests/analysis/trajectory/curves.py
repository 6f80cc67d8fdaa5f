"""Runs of the sample study with learning curves, and courses without a store."""

import numpy as np

from analysis.curves.equal_cost import CPU, TOKENS, LearningCurve
from analysis.curves.summary import logarithm, saturating_curve


def history(accuracy, tokens=None, seconds=None):
    """Metric -> run id -> curve, from run id -> values of steps 1, 2, ..."""
    logged = {"rollout/accuracy": accuracy, TOKENS: tokens or {}, CPU: seconds or {}}
    return lambda metric: {
        run_id: tuple(enumerate(values, start=1)) for run_id, values in logged.get(metric, {}).items()
    }


def course(accuracy, tokens=None, seconds=None):
    """A course whose steps each sample ``tokens`` and take ``seconds``."""
    steps = np.arange(len(accuracy), dtype=float)
    return LearningCurve(
        np.array(accuracy, dtype=float),
        steps,
        None if tokens is None else steps * tokens,
        None if seconds is None else steps * seconds,
    )


def saturating(rng, n, noise, ceiling, slope, half):
    """Cost and accuracy (n,) of a run from 0.3; ``half`` is the midpoint's share of all tokens."""
    cost = np.concatenate([[0.0], np.cumsum(rng.normal(10_000, 500, n - 1))])
    clean = saturating_curve(logarithm(cost), 0.3, ceiling, slope, np.log(half * cost[-1]))
    return cost, np.clip(clean + rng.normal(0, noise, n), 0, 1)
