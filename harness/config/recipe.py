"""Overrides, or recorded settings, as a rule with its loop, for other frameworks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from harness.config.compose import compose_fast
from tricks.frameworks import LOOP, LOOP_IN_OPTIM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PAPER: Final = {"rollout": "rollout=8k", "optim": "optim=paper"}  # the loop of a recipe that names none


def compose_recipe(overrides: Sequence[str]) -> tuple[str, Mapping[str, Mapping[str, Any] | None], dict[str, Any]]:
    """Return the preset, the changes to its tricks, and the loop that Hydra overrides make.

    Args:
        overrides: As for a run; the loop is the paper's unless ``rollout`` or ``optim`` is chosen.

    Returns:
        Preset, tricks by name, and the loop by the keys of ``tricks.frameworks.LOOP``.

    Raises:
        SchemaError: An override is wrong.

    """
    chosen = {override.lstrip("+").partition("=")[0] for override in overrides}
    paper = [word for group, word in _PAPER.items() if group not in chosen]
    return recipe_of(compose_fast([*paper, *overrides]))


def recipe_of(settings: Mapping[str, Any]) -> tuple[str, Mapping[str, Mapping[str, Any] | None], dict[str, Any]]:
    """Return the preset, the changes to its tricks, and the loop of composed or recorded settings."""
    loop = {key: settings["optim" if key in LOOP_IN_OPTIM else "rollout"][key] for key in LOOP}
    return settings["preset"], settings["tricks"], loop
