"""Values that the loop cannot have: a text for a number, a part of a response, an infinite length."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from tricks.frameworks.catalogue import load_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tricks.dialects import Dialect
    from tricks.frameworks.effective import Effective
    from tricks.frameworks.spelling import Framework, Loop

UNREADABLE: Final = object()  # the value of an option whose type cannot be read

_POSITIVE: Final = ("group_size", "prompts_per_batch", "updates_per_rollout", "epochs", "max_response_length")
_REAL: Final = ("temperature", "top_p", "lr", "weight_decay", "max_grad_norm", "warmup_steps")  # the rest are whole
_OPEN: Final = -1  # frameworks write it for no limit
_MOST: Final = 10**12  # no count of a training is larger; it also fits every integer type


def is_count(key: str, value: Any) -> bool:
    """Return True if a setting of the loop can have the value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return False
    lowest = 1 if key in _POSITIVE else 0
    return lowest <= value <= _MOST and (key in _REAL or float(value).is_integer())


def check_loop(framework: Framework, dialect: Dialect, effective: Effective, loop: Loop) -> Iterator[str]:
    """Yield a sentence for every value of the loop that no training can have.

    Args:
        framework: The table of the framework.
        dialect: Its dialect, which knows the order of the releases.
        effective: The options; ``effective.values.asked`` has those that decide the loop.
        loop: The settings of the loop as they were read.

    Yields:
        Sentences that name the option, its value, where it is given, and what it may be.

    """
    keeps = {keep.key: keep.take.option for keep in framework.keeps if dialect.holds(keep, effective.release)}
    for key, name in keeps.items():
        given = effective.given.get(name)
        lost = given is not None and key not in loop and _wrong_type(given.value)
        if lost or (key in loop and loop[key] not in (_OPEN, 0, True) and not is_count(key, loop[key])):
            yield f"{_where(name, effective)} is not {_allowed(key)}"
    defaults = load_options(framework.name).defaults(effective.release)
    wrong = [name for name in _counted(keeps, effective) if not _like(effective.values[name], defaults.get(name))]
    yield from (f"{_where(name, effective)} is not a whole number of at least 0" for name in wrong)
    for key, value in loop.items():
        if key == "group_size" and not wrong and not is_count(key, value):
            yield f"{key}={value!r}, from the counts of the configuration, is not {_allowed(key)}"


def _counted(keeps: Mapping[str, str], effective: Effective) -> list[str]:
    """Return the given options that decide the counts of the loop."""
    return sorted((effective.values.asked - set(keeps.values())) & effective.given.keys())


def _like(value: Any, default: Any) -> bool:
    """Return True for a value of the type of a whole default; -1 stands for a choice of the framework."""
    if value is None or isinstance(default, bool) or not isinstance(default, int):
        return not isinstance(value, float) or isfinite(value)
    whole = isinstance(value, int | float) and isfinite(value) and float(value).is_integer()
    return whole and not isinstance(value, bool) and (value in (default, _OPEN) or value >= 0 or default <= 0)


def _wrong_type(value: Any) -> bool:
    """Return True for a text, a list, or a number that is not whole: a count that nothing can be read from."""
    if value is None or isinstance(value, bool):
        return False
    return not isinstance(value, int | float) or not isfinite(value) or not float(value).is_integer()


def _where(name: str, effective: Effective) -> str:
    return f"{name}={effective.values.get(name)!r} ({effective.source(name)})"


def _allowed(key: str) -> str:
    kind = "number" if key in _REAL else "whole number"
    return f"a {kind} of at least {1 if key in _POSITIVE else 0}, as {key} is"
