"""The case that the guide advises on: model, alignment, response length, rewards, budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final, Literal, get_args

from analysis.claims import ROLES
from harness.common import suggest

Size = Literal["small", "large"]
Length = Literal["short", "medium", "long"]
Rewards = Literal["spread", "concentrated"]

SIZES: Final[Mapping[str, Size]] = {"small": "small", "large": "large", "4b": "small", "8b": "large"}
# Longest short and medium response in tokens: the paper's limits, and those of the laptop's grid.
LIMITS: Final[Mapping[str, tuple[int, int]]] = {"gpu": (8192, 16384), "laptop": (44, 52)}
_YES: Final[Mapping[str, bool]] = {"yes": True, "1": True, "true": True, "no": False, "0": False, "false": False}


class ScenarioError(ValueError):
    """An invalid case; the message lists the valid options."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A case for which the user asks advice."""

    size: Size
    aligned: bool
    length: Length
    rewards: Rewards
    profile: str  # its runs are the evidence
    hours: float | None = None  # budget: CPU hours on a laptop, else hours of one run's machine

    @property
    def role(self) -> str:
        """The model's role in claims."""
        return f"{self.size}_{'aligned' if self.aligned else 'base'}"

    @property
    def words(self) -> str:
        """The case in words: ``small base model, short responses, spread rewards``."""
        kind = "aligned" if self.aligned else "base"
        return f"{self.size} {kind} model, {self.length} responses, {self.rewards} rewards"


def read_scenario(options: Mapping[str, str], profiles: Sequence[str]) -> Scenario:
    """Read a case from options such as ``model=…`` and ``length=…``.

    ``profiles`` are the profiles with runs. Raises ScenarioError for an invalid case.
    """
    size, aligned, named = _model(options.get("model", ""))
    profile = _profile(options.get("profile"), named, profiles)
    return Scenario(
        size=size,
        aligned=_aligned(options.get("aligned"), aligned, options.get("model", "")),
        length=_length(options.get("length", ""), profile),
        rewards=_rewards(options.get("rewards", "spread")),
        profile=profile,
        hours=_hours(options.get("budget")),
    )


def _model(word: str) -> tuple[Size, bool | None, str | None]:
    """Return the size of the model, and its alignment and profile if the name implies them."""
    if word in SIZES:
        return SIZES[word], None, None if word in get_args(Size) else "gpu"
    for role, names in ROLES.items():
        if word in names:
            size: Size = "small" if role.startswith("small") else "large"
            return size, role.endswith("aligned"), "laptop" if names.index(word) == 0 else "gpu"
    known = [*SIZES, *(name for names in ROLES.values() for name in names)]
    given = f"no model {word!r}; {suggest(word, known)}" if word else f"MODEL: required; known: {', '.join(known)}"
    raise ScenarioError(f"MODEL: {given}")


def _profile(asked: str | None, named: str | None, profiles: Sequence[str]) -> str:
    known = sorted({*LIMITS, *profiles})
    if asked is not None and asked not in known:
        raise ScenarioError(f"PROFILE: no profile {asked!r}; {suggest(asked, known)}")
    if asked and named and asked != named:
        raise ScenarioError(f"PROFILE: the model is of the profile {named}, not {asked}; leave one of them out")
    return asked or named or (profiles[0] if len(profiles) == 1 else "laptop")


def _aligned(asked: str | None, known: bool | None, model: str) -> bool:
    if asked is not None and asked.lower() not in _YES:
        raise ScenarioError(f"ALIGNED: write yes or no, not {asked!r}")
    told = None if asked is None else _YES[asked.lower()]
    if told is None and known is None:
        raise ScenarioError(f"MODEL={model} does not say whether it is aligned; add ALIGNED=yes or ALIGNED=no")
    if told is not None and known is not None and told != known:
        raise ScenarioError(f"ALIGNED: {model} is {'' if known else 'not '}aligned; leave ALIGNED out")
    return bool(told if known is None else known)


def _length(word: str, profile: str) -> Length:
    words = get_args(Length)
    if word in words:
        found: Length = word  # type: ignore[assignment]
        return found
    number = word.lower().removesuffix("k")
    if not word or not number.isdecimal() or int(number) == 0:
        given = f"no length {word!r}" if word else "LENGTH is missing"
        raise ScenarioError(f"LENGTH: {given}; write {', '.join(words)}, or tokens such as 8192 or 8k")
    tokens = int(number) * (1024 if word.lower().endswith("k") else 1)
    short, medium = LIMITS.get(profile, LIMITS["gpu"])
    return "short" if tokens <= short else "medium" if tokens <= medium else "long"


def _rewards(word: str) -> Rewards:
    for known in get_args(Rewards):
        if word == known:
            found: Rewards = known
            return found
    raise ScenarioError(f"REWARDS: no {word!r}; {suggest(word, get_args(Rewards))}")


def _hours(word: str | None) -> float | None:
    if word is None:
        return None
    try:
        hours = float(word)
    except ValueError:
        hours = -1.0
    if not (hours > 0 and isfinite(hours)):
        raise ScenarioError(f"BUDGET: write hours, such as BUDGET=2, not {word!r}")
    return hours
