"""Scores of a finished run, and their names before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Final

from harness.config import ARITHMETIC
from harness.data import BENCHMARKS, DIFFICULTIES, count_expected_problems
from harness.records import FIRED_PREFIX, Measure, compute_measures, mean_over_benchmarks
from harness.rollouts import METRICS, is_timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.config import ExperimentConfig
    from harness.records import Evaluation
    from harness.training.loop import StepReport


LAST_STEPS: Final = 5  # a single step is noisy; "train/..." scores average over the last five
_SAMPLED: Final = {"accuracy": "avg", "pass": "pass", "majority": "maj"}  # scores whose name includes k


def compute_scores(
    reports: Sequence[StepReport], evaluations: Mapping[str, Mapping[str, Evaluation]]
) -> dict[str, float]:
    """Return the held-out scores, the mean of the training curve, and the last training metrics.

    Args:
        reports: The reports of all steps.
        evaluations: Moment -> benchmark -> evaluation. The final step decides; the best one has its own name.

    Returns:
        Score name -> value.

    """
    found: dict[str, float] = {}
    for moment in ("start", "final"):
        if moment in evaluations:
            found |= {f"{moment}/{name}": value for name, value in list_held_out_scores(evaluations[moment])}
    found |= _best(reports)
    steps = [report.metrics for report in reports if report.step > 0]
    if steps:
        found["auc/accuracy"] = fmean(step["rollout/accuracy"] for step in steps)
        found |= _cost(steps)
        found |= _means(steps, _fired) | {
            f"train/{name}": mean for name, mean in _means(steps[-LAST_STEPS:], _lasts).items()
        }
    return found


def list_held_out_scores(evaluations: Mapping[str, Evaluation]) -> Iterator[tuple[str, float]]:
    """Yield the scores of one moment, each followed by its standard error.

    Scores over all benchmarks come first, then the scores of each benchmark.
    """
    found = {benchmark: compute_measures(evaluation) for benchmark, evaluation in evaluations.items()}
    samples = {benchmark: evaluation.right.shape[1] for benchmark, evaluation in evaluations.items()}
    for name, measure in mean_over_benchmarks(evaluations).items():
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
    """Return accuracy and step of the best evaluation, the first of equal ones.

    The result is empty for two evaluations or fewer. These scores do not replace the final ones.
    """
    curve = [(report.metrics["eval/accuracy"], report.step) for report in reports if "eval/accuracy" in report.metrics]
    if len(curve) <= 2:
        return {}
    accuracy, step = max(curve, key=lambda point: point[0])
    return {"best/accuracy": accuracy, "best/step": float(step)}


def _cost(steps: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the response tokens sampled in training; empty where a step did not count them."""
    tokens = [step["rollout/tokens"] for step in steps if "rollout/tokens" in step]
    return {"cost/tokens": sum(tokens)} if len(tokens) == len(steps) else {}


def _means(steps: Sequence[Mapping[str, float]], wanted: Callable[[str], bool]) -> dict[str, float]:
    """Return the means over the steps that have the metric."""
    names = dict.fromkeys(name for step in steps for name in step if wanted(name))
    return {name: fmean(step[name] for step in steps if name in step) for name in names}


def _fired(name: str) -> bool:
    return name.startswith(FIRED_PREFIX)


def _lasts(name: str) -> bool:
    return not (is_timing(name) or name.startswith("eval/") or _fired(name))


_MEANS: Final = ("accuracy", "pass", "majority")  # over all problems
_OF_FUNCTION: Final = ("score",)  # over all problems, with a user's reward function
_OF_ASKED: Final = ("length", "truncated", "undecided")  # over the problems whose prompt is short enough
_STEP_ZERO: Final = frozenset({"data/unknown"})  # metrics of only the evaluation before training
_SPLIT: Final = (
    "response/length_",
    "response/truncated_",
    "response/repeated_",
)  # split by correct and wrong responses
_PARTS: Final = ("mismatch/cut", "mismatch/engines")  # missing where ``report_kept_mass`` does not know vLLM's sampler
# Metrics of a step in which every group was rejected; all other metrics come from the update.
_WITHOUT_UPDATE: Final = ("rollout/", "verifier/", "data/", "parity/", "update/skipped")


@dataclass(frozen=True, slots=True)
class ScoreNames:
    """Names of scores: certain ones, and those that depend on the responses or the engines."""

    certain: frozenset[str]
    possible: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Every name that a record of the run may have."""
        return self.certain | self.possible


def predict_score_names(config: ExperimentConfig) -> ScoreNames:
    """Predict the keys of ``RunRecord.scores`` of a finished run.

    ``compute_scores`` computes the values.
    """
    certain, possible = set[str](), set[str]()
    means = _MEANS if config.reward.function is None else (*_MEANS, *_OF_FUNCTION)
    for moment in ("start", "final") if config.steps else ("start",):
        certain |= {f"{moment}/{name}" for name in _held_out(config, means)}
        possible |= {f"{moment}/{name}" for name in _held_out(config, _OF_ASKED)}
    if _evaluations(config) > 2:
        certain |= {"best/accuracy", "best/step"}
    if config.steps:
        certain |= {"auc/accuracy", "cost/tokens"}
        certain |= {f"{FIRED_PREFIX}{name}" for name in config.update_rule().tricks}
        trained = set(_trained(config))
        resamples = config.update_rule().resampling is not None
        unsure = {name for name in trained if _depends(name, config, resamples=resamples)}
        certain |= {f"train/{name}" for name in trained - unsure}
        possible |= {f"train/{name}" for name in unsure}
    return ScoreNames(frozenset(certain), frozenset(possible))


def _held_out(config: ExperimentConfig, measures: tuple[str, ...]) -> Iterator[str]:
    """Yield the names that ``list_held_out_scores`` gives: over all benchmarks, then of each one."""
    samples = {name: config.eval.samples_for(name) for name in config.eval.benchmarks}
    one_k, several = len(set(samples.values())) == 1, all(_several(config, name) for name in samples)
    for measure in measures:
        if measure not in {"pass", "majority"} or one_k:
            whole = measure if measure == "accuracy" else _at(measure, max(samples.values()))
            yield from _score_names_with_error(whole, several=several)
    for name, k in samples.items():
        for measure in measures:
            yield from _score_names_with_error(f"{name}/{_at(measure, k)}", several=_several(config, name))


def _score_names_with_error(name: str, *, several: bool) -> Iterator[str]:
    yield name
    if several:
        yield f"{name}/se"


def _at(measure: str, samples: int) -> str:
    short = {"accuracy": "avg", "pass": "pass", "majority": "maj"}
    return f"{short[measure]}@{samples}" if measure in short else measure


def _several(config: ExperimentConfig, benchmark: str) -> bool:
    """Return whether a benchmark has several problems; the mean of one has no standard error."""
    settings = config.eval
    if benchmark == ARITHMETIC:
        return (settings.problems or 0) * len(config.data.difficulties or DIFFICULTIES) > 1
    if benchmark in BENCHMARKS:
        return count_expected_problems(benchmark, settings.aime25, settings.olympiadbench, settings.problems) > 1
    if benchmark in settings.files:
        return min(settings.files[benchmark].rows, settings.problems or 2) > 1
    return settings.problems != 1


def _evaluations(config: ExperimentConfig) -> int:
    every = config.eval.every
    steps = {step for step in range(1, config.steps + 1) if step == config.steps or (every and step % every == 0)}
    return 1 + len(steps)


def _trained(config: ExperimentConfig) -> Iterator[str]:
    """Yield the metrics of training steps whose mean over the last steps is a score."""
    for name in METRICS:
        if is_timing(name) or name.startswith(("eval/", FIRED_PREFIX)) or name in _STEP_ZERO:
            continue
        if not name.startswith("parity/") or config.backend.vllm is not None:
            yield name


def _depends(metric: str, config: ExperimentConfig, *, resamples: bool) -> bool:
    """Return whether a run may lack the metric, depending on responses or engines."""
    if metric.startswith(_SPLIT) or (metric.startswith(_PARTS) and config.backend.vllm is not None):
        return True
    return resamples and not metric.startswith(_WITHOUT_UPDATE)
