"""The trick contract: hooks from the rewards to the loss, and packages that add tricks.

    accept_groups(rollouts)                     (B,) bool  accepted groups; others are resampled         at most one
    shape_rewards(rollouts)                     (B,)       added to the rewards                          any number
    clip_rewards(rewards)                       (B,)       bounds the shaped rewards                     at most one
    keep_samples(rollouts)                      (B,) bool  samples to learn from, combined with AND      any number
    advantages(rewards, kept, rollouts)         (B,)       one number per sample                         exactly one
    shape_advantages(rollouts)                  (B, T)     added to the advantages                       any number
    whiten(advantages, response_mask, rollouts) as given   a second normalization                        at most one
    clip_advantages(advantages)                 as given   bounds the advantages                         at most one
    token_weights(rollouts)                     (B, T)     multiplied with the surrogate                 any number
    surrogate(log_ratio, signal)                (B, T)     loss of each token                            exactly one
    token_losses(log_probs, entropies, signal)  (B, T)     added to the surrogate                        any number
    loss_weights(signal, micro_batch)           (B, 1)     weight of each token's loss                   exactly one

Hooks are pure functions. A trick is a frozen dataclass: fields are its settings, methods the hooks it fills. Optional:

    needs = frozenset({"ref_log_probs"})    optional parts of Rollouts, or "entropies", that it requires
    validate(setup)                         why a run with this trick is refused before it starts
    no_effect_reasons(setup)                why it cannot change anything in this setup; reported, not refused
    hints(setup)                            other remarks on this setup; reported, not refused
    diagnostics(log_ratio, signal)          named masks (B, T) of tokens by the surrogate's effect on them

Open hooks combine with a commutative operator and the other hooks admit one trick, so the order in which tricks are
listed never matters. Advantages are (B, 1), or (B, T) once a trick makes them differ within a response.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from importlib.metadata import entry_points
from typing import Any, Final

COMBINABLE_HOOKS: Final = {
    "shape_rewards": ("rollouts",),
    "keep_samples": ("rollouts",),
    "shape_advantages": ("rollouts",),
    "token_weights": ("rollouts",),
    "token_losses": ("log_probs", "entropies", "signal"),
}
OPTIONAL_HOOKS: Final = {
    "accept_groups": ("rollouts",),
    "clip_rewards": ("rewards",),
    "whiten": ("advantages", "response_mask", "rollouts"),
    "clip_advantages": ("advantages",),
}
REQUIRED_HOOKS: Final = {
    "advantages": ("rewards", "kept", "rollouts"),
    "surrogate": ("log_ratio", "signal"),
    "loss_weights": ("signal", "micro_batch"),
}
_ORDER: Final = (
    "accept_groups",
    "shape_rewards",
    "clip_rewards",
    "keep_samples",
    "advantages",
    "shape_advantages",
    "whiten",
    "clip_advantages",
    "token_weights",
    "surrogate",
    "token_losses",
    "loss_weights",
)
HOOKS: Final = {hook: (COMBINABLE_HOOKS | OPTIONAL_HOOKS | REQUIRED_HOOKS)[hook] for hook in _ORDER}
OPTIONAL_METHODS: Final = {
    "validate": ("setup",),
    "no_effect_reasons": ("setup",),
    "hints": ("setup",),
    "diagnostics": ("log_ratio", "signal"),
}
BATCH_PARTS: Final = frozenset({"sampler_log_probs", "ref_log_probs", "ended", "formatted", "entropies"})

# Methods of the contract before version 0.2; one that is no longer called would check nothing.
_RENAMED: Final = {"complaints": "validate", "inert": "no_effect_reasons"}


class TrickError(ValueError):
    """A trick is unknown, malformed, misconfigured, or conflicts with another trick."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The class name and the ordered fields with which ids and records spell a trick."""

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrickSpec:
    """A named setting of a trick and its source. Raises TrickError for a malformed trick."""

    name: str
    cls: type[Any]
    source: str  # paper and, where it has one, equation
    summary: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    recorded: Recorded | None = None  # for another package's trick that was renamed or extended (tricks.recorded)

    def __post_init__(self) -> None:
        """Check the contract, so that an invalid trick fails at registration and not during a run."""
        if not self.name.isidentifier():
            raise TrickError(f"{self.name!r} is not a valid trick name; use letters, digits and underscores")
        if not self.source:
            raise TrickError(f"{self.name}: a trick needs a source; give the paper it comes from")
        _refuse_class(self.name, self.cls)
        _refuse_signatures(self.name, self.cls)
        unknown = set(self.settings) - {known.name for known in fields(self.cls)}
        if unknown:
            known = ", ".join(known.name for known in fields(self.cls)) or "none"
            raise TrickError(
                f"{self.name}: {self.cls.__name__} has no setting {', '.join(sorted(unknown))}; known: {known}"
            )

    @property
    def hooks(self) -> tuple[str, ...]:
        """The hooks that this trick implements, in pipeline order."""
        return tuple(hook for hook in HOOKS if hasattr(self.cls, hook))


def list_needs(trick: object) -> frozenset[str]:
    """Return the optional parts of a batch that the trick requires."""
    return getattr(trick, "needs", frozenset())


def _refuse_class(name: str, cls: Any) -> None:
    if not (inspect.isclass(cls) and is_dataclass(cls) and cls.__dataclass_params__.frozen):  # type: ignore[attr-defined]
        raise TrickError(
            f"{name}: a trick is a frozen dataclass, got {cls!r}; decorate it with @dataclass(frozen=True)"
        )
    if not any(hasattr(cls, hook) for hook in HOOKS):
        raise TrickError(f"{name}: {cls.__name__} fills no hook; give it a method named {' or '.join(HOOKS)}")
    for old, new in _RENAMED.items():
        if hasattr(cls, old):
            raise TrickError(f"{name}: {cls.__name__}.{old} is called {new} in this version; rename the method")
    if wrong := list_needs(cls) - BATCH_PARTS:
        raise TrickError(
            f"{name}: no batch has {', '.join(sorted(wrong))}; a trick may need {', '.join(sorted(BATCH_PARTS))}"
        )


def _refuse_signatures(name: str, cls: type[Any]) -> None:
    for method, wanted in (HOOKS | OPTIONAL_METHODS).items():
        if not hasattr(cls, method):
            continue
        given = tuple(inspect.signature(getattr(cls, method)).parameters)[1:]
        if given != wanted:
            wanted_names, given_names = ", ".join(wanted), ", ".join(given)
            raise TrickError(f"{name}: {method} takes ({wanted_names}), got ({given_names}); rename its parameters")


ENTRY_POINT_GROUP: Final = "liteppo.tricks"


def list_packages() -> dict[str, str]:
    """Return the package and version that each foreign trick comes from."""
    points = entry_points(group=ENTRY_POINT_GROUP)
    return {point.name: f"{point.dist.name} {point.dist.version}" for point in points if point.dist is not None}
