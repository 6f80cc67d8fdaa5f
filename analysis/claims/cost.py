"""The cost of a step of each recipe relative to vanilla PPO: time and sampled tokens."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import exp
from typing import TYPE_CHECKING, Final

from analysis.claims.claim import ROLES, STEP_SECONDS, ClaimPart, compare_labels, level_terms
from analysis.claims.evidence import find_evidence
from analysis.curves import TOKENS
from analysis.stats import compute_interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.study_data import ProfileData

STUDIES: Final = ("p9_liteppo_main",)
RECIPES: Final = ("vanilla_ppo", "grpo", "dapo", "liteppo")
BASE: Final = "vanilla_ppo"
STEP_TOKENS: Final = f"mean({TOKENS})"


@dataclass(frozen=True, slots=True)
class CostRatio:
    """The geometric mean over paired seeds of a recipe's cost over that of vanilla PPO."""

    value: float
    low: float | None  # 95 % interval; None for one seed
    high: float | None
    seeds: int


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a recipe in one setting."""

    role: str  # role of the model
    tier: str  # difficulty
    recipe: str
    seconds: float  # per step, mean over seeds: CPU seconds on a laptop, else wall-clock seconds
    tokens: float | None  # sampled per step
    seconds_ratio: CostRatio | None  # None for vanilla PPO itself
    tokens_ratio: CostRatio | None


def compute_costs(data: ProfileData) -> tuple[Cost, ...]:
    """Return the costs of all recipes that have runs, by setting."""
    places = [{"model": model, "difficulty": tier} for model, tier in product(ROLES, ("easy", "medium", "hard"))]
    return tuple(found for where in places for recipe in RECIPES for found in _cost(data, where, recipe))


def _cost(data: ProfileData, where: dict[str, str], recipe: str) -> Iterator[Cost]:
    seconds = _mean(data, {**where, "recipe": recipe}, STEP_SECONDS)
    if seconds is not None:
        yield Cost(
            role=where["model"],
            tier=where["difficulty"],
            recipe=recipe,
            seconds=seconds,
            tokens=_mean(data, {**where, "recipe": recipe}, STEP_TOKENS),
            seconds_ratio=None if recipe == BASE else _ratio(data, where, recipe, STEP_SECONDS),
            tokens_ratio=None if recipe == BASE else _ratio(data, where, recipe, STEP_TOKENS),
        )


def _mean(data: ProfileData, where: dict[str, str], metric: str) -> float | None:
    held, _ = find_evidence(ClaimPart("", level_terms(where), "more", metric=metric), STUDIES, data)
    return None if held is None or not held.pair.seeds else float(held.pair.differences.mean())


def _ratio(data: ProfileData, where: dict[str, str], recipe: str, metric: str) -> CostRatio | None:
    part = compare_labels("recipe", recipe, BASE, where, metric=metric, ratio=True)
    held, _ = find_evidence(part, STUDIES, data)
    if held is None or not held.pair.seeds:
        return None
    value, seeds = exp(float(held.pair.differences.mean())), len(held.pair.seeds)
    if seeds < 2:
        return CostRatio(value, None, None, seeds)
    low, high = compute_interval(held.pair, data.profile, part.says, metric)
    return CostRatio(value, exp(low), exp(high), seeds)
