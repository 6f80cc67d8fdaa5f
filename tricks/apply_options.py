"""The options of ``apply``: text, read as JSON where it is JSON and never run as code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import torch

from tricks.api import TrickError
from tricks.settings import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS: Final = ("preset", "emulate", "dtype", "updates_per_rollout", "tricks")
DTYPES: Final = {"float32": torch.float32, "float64": torch.float64}
_HALF: Final = ("float16", "bfloat16", "half")


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """Which algorithm, in which precision. ``tricks`` are written over the preset's; None leaves one out."""

    preset: str = "vanilla_ppo"
    emulate: str = "none"
    dtype: torch.dtype = torch.float32
    updates_per_rollout: int = 4
    tricks: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)


def read_options(
    preset: str = "vanilla_ppo",
    emulate: str = "none",
    dtype: str = "float32",
    updates_per_rollout: str = "4",
    tricks: Sequence[str] = (),
) -> ApplyOptions:
    """Read the options of ``apply`` from text.

    Args:
        preset: the name of a preset.
        emulate: the name of a dialect, or none.
        dtype: float32 or float64.
        updates_per_rollout: a whole number from 1.
        tricks: words such as ``tricks.clip.dual_clip=3``, each at most once.

    Returns:
        The options, checked in form; whether presets and tricks exist is checked where they are built.

    Raises:
        TrickError: naming the word at fault.

    """
    return ApplyOptions(preset, emulate, _dtype(dtype), _updates(updates_per_rollout), _tricks(_given(tricks)))


def _given(words: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for word in words:
        name, equals, text = word.removeprefix("+").partition("=")
        if not equals:
            raise TrickError(f"{word}: expected key=value, as in preset=grpo or tricks.clip_higher.clip_ratio_high=0.3")
        if not name.startswith("tricks."):
            raise TrickError(f"{name}: no such argument; {suggest(name.split('.')[0], KEYS)}")
        if name in given:
            raise TrickError(f"{name}: given twice; keep one")
        given[name] = text
    return given


def _dtype(name: str) -> torch.dtype:
    if name in _HALF:
        raise TrickError(f"dtype={name}: ratios of half-precision log-probs are noise; choose float32 or float64")
    if name not in DTYPES:
        raise TrickError(f"dtype={name}: no such precision; choose float32 or float64")
    return DTYPES[name]


def _updates(text: str) -> int:
    if not (text.isdecimal() and len(text) < 10 and int(text)):
        raise TrickError(f"updates_per_rollout={text}: expected a whole number, 1 or more")
    return int(text)


def _tricks(given: Mapping[str, str]) -> dict[str, dict[str, Any] | None]:
    found: dict[str, dict[str, Any] | None] = {}
    for place, text in given.items():
        _, name, *settings = place.split(".")
        if not name or len(settings) > 1 or not all(settings):
            raise TrickError(f"{place}: expected tricks.NAME={{}} or tricks.NAME.SETTING=value")
        if settings:
            so_far = found.setdefault(name, {})
            if so_far is None:
                raise TrickError(f"{place}: tricks.{name}=null leaves {name} out; keep one of the two")
            so_far[settings[0]] = value(text)
        elif name in found:
            raise TrickError(f"{place}: given after a setting of {name}; write all of them as tricks.{name}.SETTING")
        else:
            found[name] = _settings(place, text)
    return found


def _settings(place: str, text: str) -> dict[str, Any] | None:
    found = value(text)
    if found is not None and not isinstance(found, dict):
        raise TrickError(f"{place}={text}: expected {{}}, null, or one setting as {place}.SETTING=value")
    return found


def value(text: str) -> Any:
    """The value of a setting: JSON, or the word itself. NaN and Infinity stay words, which no number admits."""
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
