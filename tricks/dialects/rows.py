"""Rows that several dialects share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tricks.dialects.dialect import Pattern, Refusal, Variant
from tricks.filtering import DynamicSampling
from tricks.normalization import Normalize
from tricks.rewards import FormatReward, LengthReward, SoftOverlong

if TYPE_CHECKING:
    from collections.abc import Mapping

# A deviation of 0 in float32: what rounding leaves of the mean is divided by epsilon.
SINGLE: Final[Mapping[str, Any]] = {"precision": "single"}
RESIDUE: Final[Mapping[str, Any]] = {**SINGLE, "zero_std": "eps"}

GROUP: Final[Mapping[str, Any]] = {"mean": "group", "std": "group"}
CENTRED: Final[Mapping[str, Any]] = {"mean": "group", "std": "none"}
BATCH: Final[Mapping[str, Any]] = {"mean": "batch", "std": "batch"}
MIXED: Final[Mapping[str, Any]] = {"mean": "group", "std": "batch"}
RAW: Final[Mapping[str, Any]] = {"mean": "none", "std": "none"}
RLOO: Final[Mapping[str, Any]] = {"mean": "leave_one_out", "std": "none"}


def reward_functions(where: str) -> tuple[Variant, ...]:
    """Rewards beside the verifier's, which every framework takes from its user as a function."""
    note = "in the user's reward function"
    return (
        Variant(FormatReward, where, free=("bonus",), note=note),
        Variant(LengthReward, where, free=("weight",), note=f"{note}, which has to see the whole group"),
        Variant(SoftOverlong, where, free=("cache", "limit", "weight"), note=note),
    )


def soft_overlong(where: str, note: str = "") -> Variant:
    """Soft overlong punishment as the framework's own."""
    return Variant(SoftOverlong, where, free=("cache", "limit", "weight"), note=note)


def dynamic_sampling(where: str, note: str = "") -> Variant:
    """Refill as the framework's own; how it stops is ours."""
    return Variant(DynamicSampling, where, free=("rounds", "at_cap"), note=note)


def lacks(cls: type[Any], because: str, where: str, instead: str = "") -> Refusal:
    """Refuse a class that nothing in the framework computes.

    Args:
        cls: The class of the trick.
        because: What the framework lacks, as the end of a sentence that begins with its name.
        where: ``path:line`` in the framework.
        instead: What to choose; empty where nothing is near.

    """
    return Refusal(Pattern(cls), because, instead, where)


def lacks_mixed(where: str, whitens: bool) -> Refusal:
    """Refuse the deviation of the rewards of a batch, Lite PPO's; the nearest is a whitening over tokens."""
    instead = "choose group_norm, or group_mean with token_whitening" if whitens else "choose group_norm"
    return lacks_norm(MIXED, "has no deviation of the rewards of a batch", where, instead)


def lacks_norm(when: Mapping[str, Any], because: str, where: str, instead: str) -> Refusal:
    """Refuse a normalization that the framework does not have.

    Args:
        when: The settings of the normalization.
        because: What the framework lacks, as in ``lacks``.
        where: ``path:line`` in the framework.
        instead: What to choose.

    """
    return Refusal(Pattern(Normalize, when), because, instead, where)
