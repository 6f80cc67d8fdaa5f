"""Hints on the settings and tricks of a run that are probably not intended.

Plan, sweep and single runs print them. The ranges and the hints on tricks come from ``tricks.hints``.
"""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from tricks.hints import PLAUSIBLE_RANGES, hint_implausible, list_rule_hints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.config.experiment import ExperimentConfig

_OF_A_FUNCTION: Final = ("right_from", "seconds", "memory_mb")  # settings of the reward that only a function uses
_OUTSIDE: Final = " is outside "


def list_hints(config: ExperimentConfig) -> tuple[str, ...]:
    """Return the hints on the settings and tricks of a run, one sentence each."""
    return tuple(_hints(config))


def find_implausible_settings(config: ExperimentConfig) -> tuple[str, ...]:
    """Return the settings outside their plausible range, such as ``kl_loss.coef=1e+30``."""
    found = (hint.partition(_OUTSIDE) for hint in _hints(config))
    return tuple(setting for setting, outside, _ in found if outside)


def _hints(config: ExperimentConfig) -> Iterator[str]:
    for name in PLAUSIBLE_RANGES:
        group, _, setting = name.partition(".")
        if group in type(config).__dataclass_fields__:
            yield from hint_implausible(name, attrgetter(f"{group}.{setting}")(config))
    if config.reward.correct <= config.reward.wrong:
        yield (
            f"reward.correct={config.reward.correct:g} is not above reward.wrong={config.reward.wrong:g}: a correct "
            "answer earns no more than a wrong one"
        )
    if config.reward.source is None:
        defaults = {field.name: field.default for field in fields(config.reward)}
        for name in _OF_A_FUNCTION:
            if (value := getattr(config.reward, name)) != defaults[name]:
                yield (
                    f"reward.{name}={value:g} does nothing without reward.function: the verifier returns only "
                    "correct or wrong"
                )
    yield from list_rule_hints(config.update_rule())
