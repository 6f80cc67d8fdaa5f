"""Turn the options of a measurement of difficulty into a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.config import ExperimentConfig, load
from harness.evaluation.request import model_overrides, own_preset
from harness.schema import SchemaError

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_TIER: Final = "paper_easy"
DEFAULT_PROBLEMS: Final = 200
# The sampling of the paper's training, for every model.
_SAMPLING: Final = {"temperature": "0.99", "top_p": "0.99", "top_k": "100"}


@dataclass(frozen=True, slots=True)
class Request:
    """A model, tiers, and what to do with them; ``config.rollout`` says how they are sampled."""

    config: ExperimentConfig
    tiers: tuple[str, ...]
    problems: int | None  # a fixed draw of each tier; None: all
    cut: tuple[float, float] | None  # smallest and largest pass rate of the problems to keep


@dataclass(frozen=True, slots=True)
class DifficultyOptions:
    """Which model is asked which problems, as text."""

    model: str = ""
    tier: str = DEFAULT_TIER  # names with commas between
    k: str | None = None  # samples of every problem
    problems: str = str(DEFAULT_PROBLEMS)  # of each tier, or all
    cut: str | None = None  # two pass rates with a comma between
    overrides: tuple[str, ...] = ()  # Hydra's


def read_request(asked: DifficultyOptions) -> Request:
    """Check the options. Raises SchemaError, ModelError or TrickError."""
    overrides = [*model_overrides(asked.model, asked.overrides), *_sampling(asked.model, asked.overrides)]
    if asked.k is not None:
        overrides.append(f"rollout.group_size={asked.k}")
    config = load(*overrides, *asked.overrides)
    tiers = tuple(dict.fromkeys(name.strip() for name in asked.tier.split(",")))
    cut = None if asked.cut is None else _cut(asked.cut)
    return Request(config, tiers, _problems(asked.problems), cut)


def _sampling(model: str, overrides: Sequence[str]) -> list[str]:
    """The lengths of the model's own preset, and the paper's sampling where the user says nothing else."""
    given = {override.lstrip("+").partition("=")[0] for override in overrides}
    lengths = [f"rollout={own_preset('rollout', model, '8k')}"] if "rollout" not in given else []
    settings = {f"rollout.{name}": value for name, value in _SAMPLING.items()}
    return [*lengths, *(f"{name}={value}" for name, value in settings.items() if name not in given)]


def _problems(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise SchemaError(f"problems={text}: give a number of at least 1, or all")
    return int(text)


def _cut(text: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise SchemaError(f"cut={text}: give two pass rates, as in cut=0.1,0.9") from None
    if not 0 <= low <= high <= 1:
        raise SchemaError(f"cut={text}: pass rates lie in 0 to 1, the smaller one first")
    return low, high
