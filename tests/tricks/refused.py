"""One refusal: who is refused, for which setting, how to provoke it, and what it offers instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.tricks.batches import SETUP
from tricks.api import TrickError
from tricks.batch import Setup
from tricks.dialects.build import build_rule


@dataclass(frozen=True, slots=True)
class Refusal:
    """``trick`` is what the message names, a trick or the place that takes its part; ``setting`` is "-" for none."""

    trick: str
    setting: str
    provoke: Callable[[], object]
    way_out: str  # words of the message that say what to do, or what is taken

    @property
    def message(self) -> str:
        """What the refusal says, first line."""
        try:
            self.provoke()
        except (TrickError, ValueError) as error:
            return str(error).splitlines()[0]
        raise AssertionError(f"{self.trick}.{self.setting} is not refused")


def setting(trick: str, name: str, value: Any, way_out: str, *, setup: Setup = SETUP, **others: Any) -> Refusal:
    """A value of a setting that is refused, beside other settings of the trick."""
    return rule({trick: {**others, name: value}}, trick, name, way_out, setup=setup)


def rule(
    tricks: Mapping[str, Mapping[str, Any] | None],
    trick: str,
    name: str,
    way_out: str,
    *,
    preset: str = "vanilla_ppo",
    emulate: str = "none",
    setup: Setup = SETUP,
) -> Refusal:
    """Tricks that make no rule together."""
    return Refusal(trick, name, lambda: build_rule(preset, tricks, emulate, setup), way_out)
