r"""How long responses will be on average: as in recorded runs, else as assumed here.

Nobody knows before the first run. A base model is taken to end its responses at a constant rate, after 1,500 tokens in
the mean, and an aligned one that thinks after 5,000; the limit cuts off the rest, so that the mean is
:math:`m (1 - e^{-L / m})`. Under 8,192 tokens that is 1,494 and 4,028: the paper's figures show 1,000 to 2,000 and
2,000 to 6,000 (arXiv:2508.08221, figures 3 and 13). The embedded models come down from the length at which they start
(harness/models/weights/CARD.md) to that of a right answer, the difference shrinking by a factor e in some four steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, pi, sqrt
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Final

from scipy.special import ndtr

from harness.records import CONTROL, OFF

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.records import RunRecord

BASE_TOKENS: Final = 1500.0
ALIGNED_TOKENS: Final = 5000.0
CLEAN: Final = {"easy": 17.0, "medium": 26.0, "hard": 44.0}  # tokens of a right answer to arithmetic
EARLY: Final = {"easy": 26.0, "medium": 33.0, "hard": 48.0}  # of an answer of an embedded base model at the start
SETTLING: Final = 4.0  # steps
SPREAD: Final = 0.25  # standard deviation of those, in means

Config = Mapping[str, Any]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResponseLengths:
    """What recorded runs say: by how much their responses were longer than assumed."""

    factors: Mapping[Key, float]

    @classmethod
    def of(cls, records: Iterable[RunRecord]) -> ResponseLengths:
        """The median of the finished runs. Controls are left out: they are made to break down."""
        seen: dict[Key, list[float]] = {}
        for record in records:
            usual = record.status == "finished" and record.labels.get(CONTROL, OFF) == OFF
            length = recorded(record) if usual else None
            for key in _keys(record.config) if length else ():
                seen.setdefault(key, []).append((length or 0.0) / assumed(record.config))
        return cls({key: median(factors) for key, factors in seen.items()})

    def mean(self, config: Config, limit: int | None = None) -> float:
        """Expected tokens of a response, over the run, under its own limit or another."""
        longest = limit or _limit(config)
        factor = next((self.factors[key] for key in _keys(config) if key in self.factors), 1.0)
        return min(factor * assumed(config, longest), float(longest))

    def known(self, config: Config) -> bool:
        """Whether recorded runs of the same model stand behind the expectation."""
        return any(key in self.factors for key in _keys(config))


def assumed(config: Config, limit: int | None = None) -> float:
    """Mean length where nothing is recorded, in tokens."""
    longest = limit or _limit(config)
    difficulties: Sequence[str] = config["data"]["difficulties"]
    if config["data"].get("source", "arithmetic") == "arithmetic" and config["model"]["path"].startswith("builtin:"):
        early = _early(config)
        return fmean(_cut(CLEAN[each] + early * (EARLY[each] - CLEAN[each]), longest) for each in difficulties)
    scale = BASE_TOKENS if is_base(config) else ALIGNED_TOKENS
    return scale * (1 - exp(-longest / scale))


def _early(config: Config) -> float:
    """Mean share of the early length over the steps of a run."""
    steps = max(config["steps"], 1) / SETTLING
    return (1 - exp(-steps)) / steps if is_base(config) else 0.0


def is_base(config: Config) -> bool:
    """Whether the model has not been aligned, by its name or by the form in which it is asked."""
    model = config["model"]
    return bool(model["path"].endswith("-Base") or model.get("prompt_form") == "base")


def recorded(record: RunRecord) -> float | None:
    """Mean length of a run's sampled responses, over all steps where the run counted them."""
    rollout, steps = record.config["rollout"], record.config["steps"]
    responses = steps * rollout["prompts_per_batch"] * rollout["group_size"] * drawn(record)
    if "cost/tokens" in record.scores and responses:
        return float(record.scores["cost/tokens"] / responses)
    return record.scores.get("train/response/length")


def drawn(record: RunRecord) -> float:
    """Batches that a finished run sampled in a step, from its last ones."""
    prompts: int = record.config["rollout"]["prompts_per_batch"]
    return max(record.scores.get("train/rollout/prompts", prompts) / prompts, 1.0)


def _cut(mean: float, limit: float) -> float:
    """Mean of normal lengths of which the limit cuts off what is longer."""
    spread = SPREAD * mean
    z = (limit - mean) / spread
    density = exp(-z * z / 2) / sqrt(2 * pi)
    return float(mean - spread * (density - z * ndtr(-z)))


def _keys(config: Config) -> tuple[Key, ...]:
    """From the runs that are most alike to those that share the model alone."""
    data = config["data"]
    model, problems = config["model"]["path"], f"{data.get('source')} {data.get('path')} {list(data['difficulties'])}"
    return (model, problems, str(_limit(config))), (model, problems), (model,)


def _limit(config: Config) -> int:
    limit: int = config["rollout"]["max_response_length"]
    return limit
