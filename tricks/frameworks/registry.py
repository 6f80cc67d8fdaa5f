"""The frameworks whose configurations can be read and written. A framework's table is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from tricks.api import TrickError
from tricks.settings import suggest

if TYPE_CHECKING:
    from tricks.frameworks.spelling import Framework

FRAMEWORKS: Final = (
    "trl",
    "verl",
    "openrlhf",
    "ms_swift",
    "roll",
    "nemo_rl",
    "areal",
    "skyrl",
    "trl_async",
    "prime_rl",
    "open_instruct",
    "oat",
    "slime",
)


def find_framework(name: str) -> Framework:
    """Return the table of a framework. Raises TrickError with the nearest known name."""
    spelled = name.replace("-", "_").lower()
    if spelled not in FRAMEWORKS:
        raise TrickError(f"unknown framework {name!r}; {suggest(spelled, FRAMEWORKS)}")
    table: Framework = import_module(f"tricks.frameworks.{spelled}").TABLE
    return table
