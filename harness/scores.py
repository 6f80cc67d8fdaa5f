"""The numbers of a finished run that a table may print."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Final

from harness.evaluate import pass_at_k
from harness.metrics import is_timing
from harness.records import FIRED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.evaluate import Evaluation
    from harness.train import StepReport

LAST_STEPS: Final = 5  # a single step is noisy; "train/..." scores average over the last five


def scores(reports: Sequence[StepReport], evaluations: Mapping[str, Evaluation]) -> dict[str, float]:
    """Held-out scores at the start and at the end, the curve's mean, and the last training metrics."""
    found: dict[str, float] = {}
    for moment in ("start", "final"):
        if moment in evaluations:
            found |= {f"{moment}/{name}": value for name, value in _held_out(evaluations[moment])}
    steps = [report.metrics for report in reports if report.step > 0]
    if steps:
        found["auc/accuracy"] = fmean(step["rollout/accuracy"] for step in steps)
        found |= _means(steps, _fired) | {
            f"train/{name}": mean for name, mean in _means(steps[-LAST_STEPS:], _lasts).items()
        }
    return found


def _held_out(evaluation: Evaluation) -> Iterator[tuple[str, float]]:
    samples = evaluation.right.shape[1]
    yield "accuracy", float(evaluation.right.mean())
    yield f"pass@{samples}", float(pass_at_k(evaluation.right, samples).mean())
    yield "truncated", float(evaluation.truncated.mean())
    yield "length", float(evaluation.lengths.mean())


def _means(steps: Sequence[Mapping[str, float]], wanted: Callable[[str], bool]) -> dict[str, float]:
    """Means over the steps that have the metric; a skipped one has few."""
    names = dict.fromkeys(name for step in steps for name in step if wanted(name))
    return {name: fmean(step[name] for step in steps if name in step) for name in names}


def _fired(name: str) -> bool:
    return name.startswith(FIRED)


def _lasts(name: str) -> bool:
    return not (is_timing(name) or name.startswith("eval/") or _fired(name))
