"""The numbers of a finished run that a table may print."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Final

from harness.measures import Measure, across, measures
from harness.metrics import is_timing
from harness.records import FIRED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.outcomes import Evaluation
    from harness.train import StepReport

LAST_STEPS: Final = 5  # a single step is noisy; "train/..." scores average over the last five
_SAMPLED: Final = {"accuracy": "avg", "pass": "pass", "majority": "maj"}  # scores whose name tells k


def scores(reports: Sequence[StepReport], evaluations: Mapping[str, Mapping[str, Evaluation]]) -> dict[str, float]:
    """Held-out scores at the start and at the end, the curve's mean, and the last training metrics.

    ``evaluations``: moment -> benchmark -> outcomes. The final step counts; the best one is named so.
    """
    found: dict[str, float] = {}
    for moment in ("start", "final"):
        if moment in evaluations:
            found |= {f"{moment}/{name}": value for name, value in held_out(evaluations[moment])}
    found |= _best(reports)
    steps = [report.metrics for report in reports if report.step > 0]
    if steps:
        found["auc/accuracy"] = fmean(step["rollout/accuracy"] for step in steps)
        found |= _cost(steps)
        found |= _means(steps, _fired) | {
            f"train/{name}": mean for name, mean in _means(steps[-LAST_STEPS:], _lasts).items()
        }
    return found


def held_out(evaluations: Mapping[str, Evaluation]) -> Iterator[tuple[str, float]]:
    """Scores of one moment, each followed by its standard error: over all benchmarks, then of each."""
    found = {benchmark: measures(evaluation) for benchmark, evaluation in evaluations.items()}
    samples = {benchmark: evaluation.right.shape[1] for benchmark, evaluation in evaluations.items()}
    for name, measure in across(evaluations).items():
        yield from _with_error(name if name == "accuracy" else _sampled(name, max(samples.values())), measure)
    for benchmark, names in found.items():
        for name, measure in names.items():
            yield from _with_error(f"{benchmark}/{_sampled(name, samples[benchmark])}", measure)


def _sampled(name: str, samples: int) -> str:
    return f"{_SAMPLED[name]}@{samples}" if name in _SAMPLED else name


def _with_error(name: str, measure: Measure) -> Iterator[tuple[str, float]]:
    yield name, measure.mean
    if measure.se is not None:
        yield f"{name}/se", measure.se


def _best(reports: Sequence[StepReport]) -> dict[str, float]:
    """The best of more than two evaluations, the first of equals; beside the final one, never in its place."""
    curve = [(report.metrics["eval/accuracy"], report.step) for report in reports if "eval/accuracy" in report.metrics]
    if len(curve) <= 2:
        return {}
    accuracy, step = max(curve, key=lambda point: point[0])
    return {"best/accuracy": accuracy, "best/step": float(step)}


def _cost(steps: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Response tokens that training sampled in all; of steps that did not count them nothing is said."""
    tokens = [step["rollout/tokens"] for step in steps if "rollout/tokens" in step]
    return {"cost/tokens": sum(tokens)} if len(tokens) == len(steps) else {}


def _means(steps: Sequence[Mapping[str, float]], wanted: Callable[[str], bool]) -> dict[str, float]:
    """Means over the steps that have the metric; a skipped one has few."""
    names = dict.fromkeys(name for step in steps for name in step if wanted(name))
    return {name: fmean(step[name] for step in steps if name in step) for name in names}


def _fired(name: str) -> bool:
    return name.startswith(FIRED)


def _lasts(name: str) -> bool:
    return not (is_timing(name) or name.startswith("eval/") or _fired(name))
