r"""Response lengths, the work of one step, and its CPU seconds on a laptop.

The CPU seconds of a run of the small embedded model on one laptop core are

.. math:: C = a\,(S + E) + b\,T e + c\,U + d\,P

S are the tokens sampled in steps, E those sampled in evaluations, and T those trained on in each of e epochs. U is the
number of updates and P the number of decoding steps. The constants were fitted by non-negative least squares to 195
recorded runs of the four embedded models. They predict the seconds within 6 % (root mean square) where the tokens are
known. Another core or model has its own pace: the seconds of recorded runs divided by this estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import exp, inf, log, pi, sqrt
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Final

from scipy.optimize import brentq
from scipy.special import ndtr

from harness.config import ARITHMETIC
from harness.records import CONTROL_AXIS, CONTROL_OFF

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.records import RunRecord


_ALL_CUT: Final = 0.995  # share of the limit; a larger mean means that all responses are cut
_EULER: Final = 0.5772  # the largest of n exponential variables is about ln n + this, in units of the scale


@dataclass(frozen=True, slots=True)
class Lengths:
    """The distribution of response lengths, by its mean and limit in tokens."""

    mean: float
    limit: int

    @property
    def scale(self) -> float:
        """The mean of the exponential distribution without the limit.

        It is infinite where nearly every response is cut.
        """
        return _scale(min(self.mean / self.limit, 1.0)) * self.limit

    def running(self, tokens: float) -> float:
        """Return the share of responses with more than that many tokens, below the limit."""
        return exp(-tokens / self.scale)

    def square(self, prompt: float) -> float:
        """Return the mean of the squared length of prompt and response."""
        scale, limit = self.scale, self.limit
        square = float(limit**2) if scale == inf else 2 * scale * (scale - (limit + scale) * exp(-limit / scale))
        return prompt**2 + 2 * prompt * self.mean + square

    def longest(self, responses: float) -> float:
        """Return the expected length of the longest of that many responses."""
        return min(self.limit, self.scale * (log(max(responses, 1.0)) + _EULER))


@cache
def _scale(mean: float) -> float:
    """Return the scale for a mean, both in units of the limit."""
    if mean >= _ALL_CUT:
        return inf
    return float(brentq(lambda scale: scale * (1 - exp(-1 / scale)) - mean, 1e-6, 1e6))


BASE_TOKENS: Final = 1500.0
ALIGNED_TOKENS: Final = 5000.0
CLEAN: Final = {"easy": 17.0, "medium": 26.0, "hard": 44.0}  # tokens of a correct answer to an arithmetic problem
EARLY: Final = {"easy": 26.0, "medium": 33.0, "hard": 48.0}  # tokens of an embedded base model's answer at the start
SETTLING: Final = 4.0  # steps until lengths have settled
SPREAD: Final = 0.25  # standard deviation of these lengths, relative to the mean

Config = Mapping[str, Any]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResponseLengths:
    """The ratios of recorded to assumed response lengths."""

    factors: Mapping[Key, float]

    @classmethod
    def of(cls, records: Iterable[RunRecord]) -> ResponseLengths:
        """Return the median ratios of the finished runs.

        Controls do not count, because they are made to fail.
        """
        seen: dict[Key, list[float]] = {}
        for record in records:
            usual = record.status == "finished" and record.labels.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF
            length = read_recorded_length(record) if usual else None
            for key in _keys(record.config) if length else ():
                seen.setdefault(key, []).append((length or 0.0) / assume_length(record.config))
        return cls({key: median(factors) for key, factors in seen.items()})

    def mean(self, config: Config, limit: int | None = None) -> float:
        """Return the expected mean tokens per response over a run, under its own limit or another."""
        longest = limit or _limit(config)
        factor = next((self.factors[key] for key in _keys(config) if key in self.factors), 1.0)
        return min(factor * assume_length(config, longest), float(longest))

    def known(self, config: Config) -> bool:
        """Return True if recorded runs of the same model support the expectation."""
        return any(key in self.factors for key in _keys(config))


def assume_length(config: Config, limit: int | None = None) -> float:
    """Return the mean response length in tokens that is assumed without recorded runs."""
    longest = limit or _limit(config)
    difficulties: Sequence[str] = config["data"]["difficulties"]
    if config["data"].get("source", "arithmetic") == "arithmetic" and config["model"]["path"].startswith("builtin:"):
        early = _early(config)
        return fmean(_cut(CLEAN[each] + early * (EARLY[each] - CLEAN[each]), longest) for each in difficulties)
    scale = BASE_TOKENS if is_base(config) else ALIGNED_TOKENS
    return scale * (1 - exp(-longest / scale))


def _early(config: Config) -> float:
    """Return the mean weight of the early length over the steps of a run."""
    steps = max(config["steps"], 1) / SETTLING
    return (1 - exp(-steps)) / steps if is_base(config) else 0.0


def is_base(config: Config) -> bool:
    """Return True if the model is a base model, by its name or by its prompt form."""
    model = config["model"]
    return bool(model["path"].endswith("-Base") or model.get("prompt_form") == "base")


def read_recorded_length(record: RunRecord) -> float | None:
    """Return the mean length of a run's sampled responses, over all steps if they were counted."""
    rollout, steps = record.config["rollout"], record.config["steps"]
    responses = steps * rollout["prompts_per_batch"] * rollout["group_size"] * count_sampled_batches(record)
    if "cost/tokens" in record.scores and responses:
        return float(record.scores["cost/tokens"] / responses)
    return record.scores.get("train/response/length")


def count_sampled_batches(record: RunRecord) -> float:
    """Return the batches per step that a finished run sampled, from its last steps."""
    prompts: int = record.config["rollout"]["prompts_per_batch"]
    return max(record.scores.get("train/rollout/prompts", prompts) / prompts, 1.0)


def _cut(mean: float, limit: float) -> float:
    """Return the mean of normally distributed lengths that are cut at the limit."""
    spread = SPREAD * mean
    z = (limit - mean) / spread
    density = exp(-z * z / 2) / sqrt(2 * pi)
    return float(mean - spread * (density - z * ndtr(-z)))


def _keys(config: Config) -> tuple[Key, ...]:
    """Return keys from the most similar runs to runs that share only the model."""
    data = config["data"]
    model, problems = config["model"]["path"], f"{data.get('source')} {data.get('path')} {list(data['difficulties'])}"
    return (model, problems, str(_limit(config))), (model, problems), (model,)


def _limit(config: Config) -> int:
    limit: int = config["rollout"]["max_response_length"]
    return limit


_SIZES: Final = {"math500": 500, "minerva": 272, "aime24": 30, "amc23": 40, "gsm8k": 1319}  # number of problems


@dataclass(frozen=True, slots=True)
class Work:
    """The sampling and training work of one step."""

    responses: int
    group: int  # responses per prompt, which share its prefill
    prompt: float  # mean length in tokens
    lengths: Lengths
    updates: int = 1  # total over the epochs
    epochs: int = 1
    recompute: bool = True  # gradient checkpointing: a second forward pass
    reference: bool = False  # also compute log-probs of a reference model
    drawn: float = 1.0  # batches sampled; one of them is trained on

    @property
    def sampled(self) -> Work:
        """The same work with all sampled responses.

        Dynamic sampling samples more than it trains on.
        """
        return replace(self, responses=round(self.responses * self.drawn), drawn=1.0)

    @property
    def tokens(self) -> float:
        """The tokens of prompts and responses that one epoch trains on."""
        return self.responses * (self.prompt + self.lengths.mean)


def count_eval_responses(config: Mapping[str, Any]) -> int:
    """Return the number of responses of one evaluation.

    Configs from before benchmarks existed count as arithmetic.
    """
    held_out, total = config["eval"], 0
    sizes = {**_SIZES, "aime25": held_out.get("aime25", 0), "olympiadbench": held_out.get("olympiadbench", 0)}
    sizes |= {name: file["rows"] for name, file in held_out.get("files", {}).items()}
    for name in held_out.get("benchmarks", [ARITHMETIC]):
        samples = held_out.get("samples_of", {}).get(name, held_out["samples"])
        if name == ARITHMETIC:
            total += samples * held_out["problems"] * (len(config["data"]["difficulties"]) or 3)
        else:
            total += samples * min(sizes[name], held_out["problems"] or sizes[name])
    return total


def count_evaluations(config: Mapping[str, Any]) -> int:
    """Return the number of evaluations of a run.

    They are at the start, at intervals, and after the last step.
    """
    steps, every = int(config["steps"]), int(config["eval"]["every"])
    within = (steps - 1) // every if every and steps else 0
    return 1 + within + (steps > 0)


SAMPLED_TOKEN_SECONDS: Final = 29e-6  # seconds per sampled token
TRAINED_TOKEN_SECONDS: Final = 52e-6  # seconds per trained token and epoch, log-probs included
UPDATE_SECONDS: Final = 0.4e-3
DECODING_STEP_SECONDS: Final = 1.8e-3  # seconds per decoding step, for any number of sequences
TAIL_LENGTHS: Final = 3.0  # decoding steps, in mean lengths, after which almost no response is running


def estimate_cpu_seconds(config: Mapping[str, Any], length: float, held_out: float, drawn: float = 1.0) -> float:
    """Return the estimated CPU seconds C of a run.

    Args:
        config: the settings of the run as plain data
        length: mean tokens per response in steps
        held_out: mean tokens per response in evaluations
        drawn: batches sampled per step; one of them is trained on

    Returns:
        CPU seconds on the core that measured the constants.

    """
    rollout, optim, steps = config["rollout"], config["optim"], config["steps"]
    trained = steps * rollout["prompts_per_batch"] * rollout["group_size"] * length
    moments, limit = count_evaluations(config), rollout["max_response_length"]
    sampled = drawn * trained + moments * count_eval_responses(config) * held_out
    places = drawn * steps * min(limit, TAIL_LENGTHS * length) + moments * min(
        find_evaluation_limit(config), TAIL_LENGTHS * held_out
    )
    updates = steps * optim["updates_per_rollout"]
    return float(
        SAMPLED_TOKEN_SECONDS * sampled
        + TRAINED_TOKEN_SECONDS * trained * optim["epochs"]
        + UPDATE_SECONDS * updates
        + DECODING_STEP_SECONDS * places
    )


def find_evaluation_limit(config: Mapping[str, Any]) -> int:
    """Return the length limit of evaluations in tokens; by default that of the rollouts."""
    return int(config["eval"].get("max_response_length") or config["rollout"]["max_response_length"])
