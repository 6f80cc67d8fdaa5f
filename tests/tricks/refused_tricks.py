"""Names that are unknown, tricks that clash, ill-formed tricks, and entry points that offer no trick."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any, ClassVar, Final
from unittest.mock import patch

import torch
from torch import Tensor

from tests.tricks.batches import example, rule as rule_of
from tests.tricks.refused import Refusal, rule
from tricks.api import TrickSpec
from tricks.batch import Rollouts
from tricks.catalog import foreign, load_catalog
from tricks.filtering import DynamicSampling
from tricks.io.listing import resolve_trick
from tricks.normalization import Normalize

_NAMES: Final = (
    rule({"cliphigher": {}}, "cliphigher", "-", "did you mean 'clip_higher'?"),
    rule({"zzz": {}}, "zzz", "-", "known: advantage_clip"),
    rule({}, "lite_ppo", "preset", "did you mean 'liteppo'?", preset="lite_ppo"),
    rule({}, "ver", "dialect", "did you mean 'verl'?", emulate="ver"),
    rule({"clip_higher": None}, "clip_higher", "-", "it has group_norm, sequence_mean", preset="grpo"),
    Refusal("nowhere:SPEC", "-", lambda: resolve_trick("nowhere:SPEC"), "give MODULE:ATTRIBUTE"),
    Refusal(
        "tricks.catalog:DEFAULT_TRICKS", "-", lambda: resolve_trick("tricks.catalog:DEFAULT_TRICKS"), "name a TrickSpec"
    ),
)
_CLASHES: Final = (
    rule({"group_norm": {}, "batch_norm": {}}, "batch_norm and group_norm", "advantages", "keep one"),
    rule({"gspo": {}, "clip_higher": {}}, "clip_higher and gspo", "surrogate", "keep one"),
    rule({"token_mean": {}, "sequence_sum": {}}, "sequence_sum and token_mean", "loss_weights", "keep one"),
    Refusal(
        "again and dynamic_sampling",
        "accept_groups",
        lambda: rule_of("dynamic_sampling", again=DynamicSampling(rounds=1)),
        "keep one",
    ),
)


def _update(trick: str, lacking: str) -> object:
    return rule_of(trick).signal(example(**{lacking: None}))


def _loss_without_entropies() -> object:
    signal = rule_of("entropy_bonus").signal(example())
    return rule_of("entropy_bonus").loss(torch.zeros(8, 6), signal, torch.ones(8, 1))


_NEEDS: Final = (
    *(
        Refusal(trick, part, lambda trick=trick, part=part: _update(trick, part), f"add it or leave {trick} out")  # type: ignore[misc]
        for trick, part in {
            "truncated_is": "sampler_log_probs",
            "kl_loss": "ref_log_probs",
            "kl_reward": "ref_log_probs",
            "kl_to_go": "ref_log_probs",
            "format_reward": "formatted",
        }.items()
    ),
    Refusal("entropy_bonus", "entropies", _loss_without_entropies, "give them beside the log-probs"),
)


@dataclass(frozen=True, slots=True)
class PerGroup:
    """One advantage a group where one a sample is asked for."""

    def advantages(self, rewards: Tensor, kept: Tensor, rollouts: Rollouts) -> Tensor:
        return rewards[:2]


@dataclass
class Thawed:
    """Not frozen."""

    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        return ~rollouts.truncated


@dataclass(frozen=True)
class OldName:
    def complaints(self, setup: Any) -> Any:
        yield "no"

    def clip_rewards(self, rewards: Any, batch: Any) -> Any:
        return rewards


@dataclass(frozen=True)
class Hookless:
    """No method is a hook."""


@dataclass(frozen=True)
class Renamed:
    """Parameters have other names."""

    def surrogate(self, ratio: Tensor, signal: Any) -> Tensor:
        return ratio


@dataclass(frozen=True)
class Wishful:
    """Needs what no batch has."""

    needs: ClassVar[frozenset[str]] = frozenset({"values"})

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        return rollouts.rewards


def _spec(name: str, cls: Any, source: str = "x", **settings: Any) -> object:
    return TrickSpec(name, cls, source, "", settings)


_ILL_FORMED: Final = (
    Refusal(
        "per_group", "advantages", lambda: rule_of(per_group=PerGroup()).signal(example()), "python -m tricks check"
    ),
    Refusal("no good", "-", lambda: _spec("no good", Normalize), "use letters, digits and underscores"),
    Refusal("bad", "source", lambda: _spec("bad", Normalize, ""), "give the paper it comes from"),
    Refusal("bad", "-", lambda: _spec("bad", Thawed), "decorate it with @dataclass(frozen=True)"),
    Refusal("bad", "-", lambda: _spec("bad", sorted), "decorate it with @dataclass(frozen=True)"),
    Refusal("bad", "-", lambda: _spec("bad", OldName), "is called validate in this version; rename the method"),
    Refusal("bad", "-", lambda: _spec("bad", Hookless), "give it a method named accept_groups or "),
    Refusal("bad", "surrogate", lambda: _spec("bad", Renamed), "rename its parameters"),
    Refusal("bad", "values", lambda: _spec("bad", Wishful), "a trick may need ended, entropies, formatted"),
    Refusal("bad", "means", lambda: _spec("bad", Normalize, means="group"), "known: mean, std"),
)

SPEC = TrickSpec("foreign_norm", Normalize, "elsewhere", "for the tests")
THIEF = TrickSpec("group_norm", Normalize, "elsewhere", "not ours")


def _entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{value}", "liteppo.tricks")


def _stolen() -> object:
    try:
        load_catalog.cache_clear()
        with patch("tricks.catalog.entry_points", lambda group: (_entry("group_norm", "THIEF"),)):
            return load_catalog()
    finally:
        load_catalog.cache_clear()


_ENTRIES: Final = (
    Refusal("foreign_norm", "-", lambda: list(foreign((_entry("other", "SPEC"),))), "make them equal"),
    Refusal(
        "PerGroup", "-", lambda: list(foreign((_entry("per_group", "PerGroup"),))), "point the entry 'per_group' at one"
    ),
    Refusal("group_norm", "-", _stolen, "rename it"),
)

TRICKS: Final[tuple[Refusal, ...]] = (*_NAMES, *_CLASHES, *_NEEDS, *_ILL_FORMED, *_ENTRIES)
