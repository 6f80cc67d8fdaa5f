"""How long runs will take: from recorded runs of the study, else from a constant that says so."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.config import ExperimentConfig
    from harness.records import RunRecord

TOKENS_PER_SECOND: Final = 15_000.0  # trained tokens a CPU second of the small embedded model, on a 2023 core
START_SECONDS: Final = 15.0  # Ray and the imports of its workers, once a sweep
_SIZES: Final = {"math500": 500, "minerva": 272, "aime24": 30, "amc23": 40, "gsm8k": 1319}  # problems
_LARGE: Final = 2.0  # the large embedded model against the small one
_SMOL: Final = 300.0  # SmolLM2-135M against the small one
_SAMPLED_ONLY: Final = 0.4  # a token of an evaluation against one that is trained on too


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds per token of the cost model, by model."""

    by_model: Mapping[str, float]
    runs: int  # recorded runs behind it

    @classmethod
    def of(cls, records: Iterable[RunRecord]) -> Speed:
        """The mean of the finished runs; failed ones say nothing about length."""
        seen: dict[str, list[float]] = {}
        for record in records:
            if record.status == "finished":
                rate = record.wall_seconds / tokens(record.config, _drawn(record))
                seen.setdefault(record.config["model"]["path"], []).append(rate)
        return cls({model: fmean(rates) for model, rates in seen.items()}, sum(map(len, seen.values())))

    def seconds(self, config: ExperimentConfig) -> float:
        """Expected seconds of one run."""
        model = config.model.path
        relative = {known: rate / _size(known) for known, rate in self.by_model.items()}
        fallback = fmean(relative.values()) if relative else 1 / TOKENS_PER_SECOND
        return tokens(asdict(config), most_drawn(config)) * self.by_model.get(model, fallback * _size(model))

    @property
    def source(self) -> str:
        """Where the estimate comes from, in words."""
        if self.runs:
            return f"from {self.runs} recorded run{'s' * (self.runs > 1)}"
        return f"from a constant, {TOKENS_PER_SECOND:,.0f} tokens a CPU second; nothing is recorded yet"


def tokens(config: Mapping[str, Any], drawn: float = 1.0) -> float:
    """Tokens that a run trains on at most; those that are sampled only count by their smaller cost.

    ``drawn`` batches are sampled in a step, one of which is trained on.
    """
    rollout, held_out, steps = config["rollout"], config["eval"], config["steps"]
    batches = steps * rollout["prompts_per_batch"] * rollout["group_size"]
    evaluations = 2 + (steps // held_out["every"] if held_out["every"] else 0)
    evaluated = evaluations * _answers(config) * (held_out.get("max_response_length") or rollout["max_response_length"])
    sampled = (drawn - 1) * batches * rollout["max_response_length"] + evaluated
    trained = batches * config["optim"]["epochs"] * rollout["max_response_length"]
    return float(trained + _SAMPLED_ONLY * sampled)


def _answers(config: Mapping[str, Any]) -> int:
    """Responses of one evaluation. Runs of before there were benchmarks are of arithmetic."""
    held_out, total = config["eval"], 0
    sizes = {**_SIZES, "aime25": held_out.get("aime25", 0), "olympiadbench": held_out.get("olympiadbench", 0)}
    for name in held_out.get("benchmarks", ["arithmetic"]):
        samples = held_out.get("samples_of", {}).get(name, held_out["samples"])
        if name == "arithmetic":
            total += samples * held_out["problems"] * (len(config["data"]["difficulties"]) or 3)
        else:
            total += samples * min(sizes[name], held_out["problems"] or sizes[name])
    return total


def most_drawn(config: ExperimentConfig) -> float:
    """Batches sampled in a step at most: the first, and a whole one in every extra round of dynamic sampling.

    A round draws only what is missing, so that this is too much, unless hardly any group is accepted.
    """
    rule = config.update_rule()
    extra_rounds: int = rule.tricks[rule.resampling].rounds if rule.resampling else 0
    return 1.0 + extra_rounds


def makespan(seconds: Sequence[float], slots: int) -> float:
    """Seconds until the last run ends, the longest started first."""
    ends = [0.0] * max(slots, 1)
    for length in sorted(seconds, reverse=True):
        heapq.heapreplace(ends, ends[0] + length)
    return max(ends)


def _drawn(record: RunRecord) -> float:
    """Batches that a finished run sampled in a step, from its last ones."""
    prompts: int = record.config["rollout"]["prompts_per_batch"]
    return max(record.scores.get("train/rollout/prompts", prompts) / prompts, 1.0)


def _size(model: str) -> float:
    return _SMOL if model == "smol" else _LARGE if "large" in model else 1.0
