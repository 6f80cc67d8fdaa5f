"""What the command line of a measurement of difficulty asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.config import ExperimentConfig, load
from harness.evaluation.request import Arguments, model_overrides, own_preset
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


def read_request(given: Sequence[str]) -> Request:
    """Read the command line. Raises SchemaError, ModelError or TrickError."""
    arguments = Arguments.split(given, ("model", "tier", "k", "problems", "cut"))
    own, model = arguments.own, arguments.own.get("model", "")
    overrides = [*model_overrides(model, arguments.overrides), *_sampling(model, arguments.overrides)]
    if "k" in own:
        overrides.append(f"rollout.group_size={own['k']}")
    config = load(*overrides, *arguments.overrides)
    tiers = tuple(dict.fromkeys(name.strip() for name in own.get("tier", DEFAULT_TIER).split(",")))
    cut = _cut(own["cut"]) if "cut" in own else None
    return Request(config, tiers, _problems(own.get("problems", str(DEFAULT_PROBLEMS))), cut)


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
