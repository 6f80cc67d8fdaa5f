"""The trick contract: five hooks, pure functions, in a fixed order.

    shape_rewards(rollouts)           -> (B,)    added to the rewards          any number
    keep_samples(rollouts)            -> (B,)    bool, combined with AND       any number
    advantages(rewards, rollouts)     -> (B,)                                  exactly one
    surrogate(log_ratio, signal)      -> (B, T)  loss of each token            exactly one
    loss_weights(response_mask)       -> (B, 1)  weight of each token's loss   exactly one

A trick is a frozen dataclass: its fields are its settings, its methods say where it acts.
Two methods are optional: ``complaints(setup)`` names what a run lacks for the trick to
mean anything, ``diagnostics(log_ratio, signal)`` returns (B, T) masks of the tokens it changed.
Open hooks combine with a commutative operator and closed hooks admit one trick, so the
order in which tricks are listed never matters.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final

OPEN: Final = {"shape_rewards": ("rollouts",), "keep_samples": ("rollouts",)}
CLOSED: Final = {
    "advantages": ("rewards", "rollouts"),
    "surrogate": ("log_ratio", "signal"),
    "loss_weights": ("response_mask",),
}
HOOKS: Final = OPEN | CLOSED
OPTIONAL: Final = {"complaints": ("setup",), "diagnostics": ("log_ratio", "signal")}


class TrickError(ValueError):
    """A trick is unknown, ill-formed, ill-configured, or clashes with another."""


@dataclass(frozen=True, slots=True)
class TrickSpec:
    """A named setting of a trick, and where it comes from. Ill-formed tricks are refused here."""

    name: str
    cls: type[Any]
    source: str  # paper and, where it has one, equation
    summary: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the contract, so that a wrong trick fails when it is registered and not in mid-run."""
        if not self.name.isidentifier():
            raise TrickError(f"{self.name!r} cannot name a trick; use letters, digits and underscores")
        if not self.source:
            raise TrickError(f"{self.name}: a trick needs a source; give the paper it comes from")
        _refuse_class(self.name, self.cls)
        _refuse_signatures(self.name, self.cls)
        unknown = set(self.settings) - {known.name for known in fields(self.cls)}
        if unknown:
            raise TrickError(f"{self.name}: {self.cls.__name__} has no setting {', '.join(sorted(unknown))}")

    @property
    def hooks(self) -> tuple[str, ...]:
        """The hooks this trick fills, in pipeline order."""
        return tuple(hook for hook in HOOKS if hasattr(self.cls, hook))


def _refuse_class(name: str, cls: Any) -> None:
    if not (inspect.isclass(cls) and is_dataclass(cls) and cls.__dataclass_params__.frozen):  # type: ignore[attr-defined]
        raise TrickError(f"{name}: a trick is a frozen dataclass, got {cls!r}")
    if not any(hasattr(cls, hook) for hook in HOOKS):
        raise TrickError(f"{name}: {cls.__name__} fills none of {', '.join(HOOKS)}")


def _refuse_signatures(name: str, cls: type[Any]) -> None:
    for method, wanted in (HOOKS | OPTIONAL).items():
        if not hasattr(cls, method):
            continue
        given = tuple(inspect.signature(getattr(cls, method)).parameters)[1:]
        if given != wanted:
            raise TrickError(f"{name}: {method} takes ({', '.join(wanted)}), got ({', '.join(given)})")
