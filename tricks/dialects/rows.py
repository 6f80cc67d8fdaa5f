"""Rows that several dialects share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tricks.dialects.dialect import Pattern, Refusal, Variant
from tricks.filtering import DynamicSampling
from tricks.normalization import Normalize
from tricks.rewards import FormatReward, LengthReward, SoftOverlong

if TYPE_CHECKING:
    from collections.abc import Mapping

# RESIDUE: where the float32 standard deviation is 0, the rounding error of the mean is divided by epsilon.
SINGLE: Final[Mapping[str, Any]] = {"precision": "single"}
RESIDUE: Final[Mapping[str, Any]] = {**SINGLE, "zero_std": "eps"}

GROUP: Final[Mapping[str, Any]] = {"mean": "group", "std": "group"}
CENTERED: Final[Mapping[str, Any]] = {"mean": "group", "std": "none"}
BATCH: Final[Mapping[str, Any]] = {"mean": "batch", "std": "batch"}
MIXED: Final[Mapping[str, Any]] = {"mean": "group", "std": "batch"}
RAW: Final[Mapping[str, Any]] = {"mean": "none", "std": "none"}
RLOO: Final[Mapping[str, Any]] = {"mean": "leave_one_out", "std": "none"}


def reward_functions(where: str) -> tuple[Variant, ...]:
    """Return the rows of the reward terms that a framework takes from its user as a function."""
    note = "in the user's reward function"
    return (
        Variant(FormatReward, where, free=("bonus",), note=note),
        Variant(LengthReward, where, free=("weight",), note=f"{note}, which has to see the whole group"),
        Variant(SoftOverlong, where, free=("cache", "limit", "weight"), note=note),
    )


def soft_overlong(where: str, note: str = "") -> Variant:
    """Return the row of a framework that has soft overlong punishment built in."""
    return Variant(SoftOverlong, where, free=("cache", "limit", "weight"), note=note)


def dynamic_sampling(where: str, note: str = "") -> Variant:
    """Return the row of a framework that has dynamic sampling built in.

    The stopping rule is ours.
    """
    return Variant(DynamicSampling, where, free=("rounds", "at_cap"), note=note)


def refuse_class(cls: type[Any], because: str, where: str, instead: str = "") -> Refusal:
    """Return the refusal of a class that the framework cannot compute.

    Args:
        cls: The class of the trick.
        because: What the framework lacks, as the end of a sentence that begins with its name.
        where: ``path:line`` in the framework.
        instead: What to choose; empty where nothing is near.

    Returns:
        The refusal, for all settings of the class.

    """
    return Refusal(Pattern(cls), because, instead, where)


def refuse_mixed_norm(where: str, whitens: bool) -> Refusal:
    """Return the refusal of Lite PPO's standard deviation of the rewards of a batch.

    With ``whitens`` the message also offers whitening over tokens, which is the nearest.
    """
    instead = "choose group_norm, or group_mean with token_whitening" if whitens else "choose group_norm"
    return refuse_norm(MIXED, "has no standard deviation of the rewards of a batch", where, instead)


def refuse_norm(when: Mapping[str, Any], because: str, where: str, instead: str) -> Refusal:
    """Return the refusal of a normalization that the framework does not have.

    Args:
        when: The settings of the normalization.
        because: What the framework lacks, as in ``refuse_class``.
        where: ``path:line`` in the framework.
        instead: What to choose.

    Returns:
        The refusal, for these settings of ``Normalize``.

    """
    return Refusal(Pattern(Normalize, when), because, instead, where)
