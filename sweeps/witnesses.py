"""Where rules bend: numbers between all thresholds that their settings set.

Two rules with the same thresholds bend alike everywhere if they do so once between each two neighbours.
"""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from math import exp, isfinite, log, sqrt
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_USUAL: Final = (0.0, 0.02, 0.4, 1.5, 4.0, 12.0, 22.0)  # log-ratios of any run, and of one that has gone astray
_APART: Final = 1e-9  # thresholds closer than this are one
_FARTHEST: Final = 40.0  # nats


def numbers(tricks: Iterable[object]) -> set[float]:
    """The settings of the tricks that are numbers, by which they may bend ratios, log-ratios or divergences."""
    return {abs(float(value)) for value in _settings(tricks) if type(value) in (int, float) and isfinite(value)}


def counts(tricks: Iterable[object]) -> set[int]:
    """The settings of the tricks that may be numbers of tokens."""
    return {value for value in _settings(tricks) if type(value) is int and value > 1}


def lengths(tricks: Iterable[object], limit: int) -> list[int]:
    """Response lengths at, below and above every number of tokens of the settings, alone or counted from another."""
    whole = counts(tricks) | {limit}
    marks = whole | {abs(one - other) for one in whole for other in whole}
    near = {mark + step for mark in marks for step in (-1, 0, 1)} | {1, 2}
    return sorted(length for length in near if 1 <= length <= limit)


def log_ratios(settings: Iterable[float]) -> list[float]:
    """Log-ratios on both sides of each bound that a setting may put on a ratio or a log-ratio; 0 is among them."""
    return _between(point for setting in settings for point in _of_ratio(setting))


def divergences(settings: Iterable[float]) -> list[float]:
    """Log-ratios on both sides of each bound that a setting may put on k1, k2 or k3; 0 is among them."""
    return _between(
        point for setting in settings for point in (*_of_ratio(setting), *_of_squares(setting), *_of_k3(setting))
    )


def _settings(tricks: Iterable[object]) -> Iterator[Any]:
    return (getattr(trick, field.name) for trick in tricks for field in fields(trick))  # type: ignore[arg-type]


def _of_ratio(setting: float) -> Iterator[float]:
    yield from (setting, -setting)
    for ratio in (1 - setting, 1 + setting, setting):
        if ratio > 0:
            yield log(ratio)


def _of_squares(setting: float) -> Iterator[float]:
    yield from (sqrt(2 * setting), -sqrt(2 * setting))


def _of_k3(setting: float) -> Iterator[float]:
    """Where exp(x) - 1 - x is the setting, on either side of 0 and in either direction."""
    above, below = log(1 + setting), -(1 + setting)
    for _ in range(50):
        above, below = log(1 + setting + above), exp(below) - 1 - setting
    yield from (above, -above, below, -below)


def _between(thresholds: Iterable[float]) -> list[float]:
    marks = sorted({point for point in thresholds if abs(point) < _FARTHEST} | {s * x for x in _USUAL for s in (1, -1)})
    middles = [(low + high) / 2 for low, high in pairwise(marks) if high - low > _APART]
    return sorted({0.0, marks[0] - 1, *middles, marks[-1] + 1})
