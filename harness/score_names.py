"""The names of the scores that a run will record, known before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.config import ARITHMETIC
from harness.data.benchmarks import BENCHMARKS, expected
from harness.metrics import METRICS, is_timing
from harness.problems.arithmetic import DIFFICULTIES
from harness.records import FIRED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.config import ExperimentConfig

_MEANS: Final = ("accuracy", "pass", "majority")  # over all problems
_OF_FUNCTION: Final = ("score",)  # likewise, where one's own reward function judges
_OF_ASKED: Final = ("length", "truncated", "undecided")  # over the problems whose prompt is short enough to be asked
_STEP_ZERO: Final = frozenset({"data/unknown"})  # a metric of the evaluation before training alone
_SPLIT: Final = ("response/length_", "response/truncated_", "response/repeated_")  # of right or of wrong responses
_PARTS: Final = ("mismatch/cut", "mismatch/engines")  # not told where vLLM has another sampler than ``tell_kept`` knows
# What a step reports that resampled every group away; all other metrics come from the update.
_WITHOUT_UPDATE: Final = ("rollout/", "verifier/", "data/", "parity/", "update/skipped")


@dataclass(frozen=True, slots=True)
class ScoreNames:
    """Names of scores: those of every such run, and those that depend on what the model answers or engines can tell."""

    certain: frozenset[str]
    possible: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Every name that a record of the run may have."""
        return self.certain | self.possible


def score_names(config: ExperimentConfig) -> ScoreNames:
    """Predict the keys of ``RunRecord.scores`` of a finished run; ``harness.scores`` computes the values."""
    certain, possible = set[str](), set[str]()
    means = _MEANS if config.reward.function is None else (*_MEANS, *_OF_FUNCTION)
    for moment in ("start", "final") if config.steps else ("start",):
        certain |= {f"{moment}/{name}" for name in _held_out(config, means)}
        possible |= {f"{moment}/{name}" for name in _held_out(config, _OF_ASKED)}
    if _evaluations(config) > 2:
        certain |= {"best/accuracy", "best/step"}
    if config.steps:
        certain |= {"auc/accuracy", "cost/tokens"}
        certain |= {f"{FIRED}{name}" for name in config.update_rule().tricks}
        trained = set(_trained(config))
        unsure = {name for name in trained if _depends(name, config)}
        certain |= {f"train/{name}" for name in trained - unsure}
        possible |= {f"train/{name}" for name in unsure}
    return ScoreNames(frozenset(certain), frozenset(possible))


def _held_out(config: ExperimentConfig, measures: tuple[str, ...]) -> Iterator[str]:
    """Yield the names of ``harness.scores.held_out``: over all benchmarks, then of each, with standard errors."""
    samples = {name: config.eval.samples_for(name) for name in config.eval.benchmarks}
    one_k, several = len(set(samples.values())) == 1, all(_several(config, name) for name in samples)
    for measure in measures:
        if measure not in {"pass", "majority"} or one_k:
            whole = measure if measure == "accuracy" else _at(measure, max(samples.values()))
            yield from _with_error(whole, several=several)
    for name, k in samples.items():
        for measure in measures:
            yield from _with_error(f"{name}/{_at(measure, k)}", several=_several(config, name))


def _with_error(name: str, *, several: bool) -> Iterator[str]:
    yield name
    if several:
        yield f"{name}/se"


def _at(measure: str, samples: int) -> str:
    short = {"accuracy": "avg", "pass": "pass", "majority": "maj"}
    return f"{short[measure]}@{samples}" if measure in short else measure


def _several(config: ExperimentConfig, benchmark: str) -> bool:
    """Tell whether there is more than one problem, without which a mean has no standard error."""
    settings = config.eval
    if benchmark == ARITHMETIC:
        return (settings.problems or 0) * len(config.data.difficulties or DIFFICULTIES) > 1
    if benchmark in BENCHMARKS:
        return expected(benchmark, settings.aime25, settings.olympiadbench, settings.problems) > 1
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
        if is_timing(name) or name.startswith(("eval/", FIRED)) or name in _STEP_ZERO:
            continue
        if not name.startswith("parity/") or config.backend.vllm is not None:
            yield name


def _depends(metric: str, config: ExperimentConfig) -> bool:
    """Tell whether it depends on what the model answers, or on what the engines can tell, that a run has a metric."""
    if metric.startswith(_SPLIT) or (metric.startswith(_PARTS) and config.backend.vllm is not None):
        return True
    return config.update_rule().resampling is not None and not metric.startswith(_WITHOUT_UPDATE)
