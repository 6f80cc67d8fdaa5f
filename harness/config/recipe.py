"""Overrides, or recorded settings, as a rule with its loop, for other frameworks."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import yaml

from harness.common import SchemaError
from harness.config.groups import CONF_FOLDER
from tricks.frameworks import LOOP, LOOP_IN_OPTIM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PAPER: Final = {"rollout": "8k", "optim": "paper"}  # the loop of a recipe that names none
_WRITTEN: Final = frozenset("{[$'\"")  # characters of values that Hydra's grammar has to read; {} is read here

Written = dict[str, Any]


def compose_recipe(overrides: Sequence[str]) -> tuple[str, Mapping[str, Mapping[str, Any] | None], dict[str, Any]]:
    """Return the preset, the changes to its tricks, and the loop that Hydra overrides make.

    Plain overrides are read without Hydra, whose import takes as long as all else that an export does.

    Args:
        overrides: As for a run; the loop is the paper's unless ``rollout`` or ``optim`` is chosen.

    Returns:
        Preset, tricks by name, and the loop by the keys of ``tricks.frameworks.LOOP``.

    Raises:
        SchemaError: An override is wrong.

    """
    if (plain := _plain(overrides)) is not None:
        return plain
    from harness.config.compose import compose_fast  # noqa: PLC0415 - Hydra

    chosen = {override.lstrip("+").partition("=")[0] for override in overrides}
    paper = [f"{group}={option}" for group, option in _PAPER.items() if group not in chosen]
    return recipe_of(compose_fast([*paper, *overrides]))


def recipe_of(settings: Mapping[str, Any]) -> tuple[str, Mapping[str, Mapping[str, Any] | None], dict[str, Any]]:
    """Return the preset, the changes to its tricks, and the loop of composed or recorded settings.

    Raises SchemaError for a setting of the loop that is no number.
    """
    loop = {key: settings["optim" if key in LOOP_IN_OPTIM else "rollout"][key] for key in LOOP}
    return settings["preset"], settings["tricks"], _numbers(loop)


def _numbers(loop: dict[str, Any]) -> dict[str, Any]:
    for key, value in loop.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            section = "optim" if key in LOOP_IN_OPTIM else "rollout"
            raise SchemaError(f"{section}.{key}={value}: expected a number")
    return loop


def _plain(overrides: Sequence[str]) -> tuple[str, Written, Written] | None:
    """Return the recipe of overrides of the preset, of tricks and of the loop; None where Hydra has to read one."""
    options, tricks, changes = {"preset": "vanilla_ppo", **_PAPER}, Written(), Written()
    for override in overrides:
        name, equals, text = override.removeprefix("+").partition("=")
        section, _, key = name.partition(".")
        if not equals or (text != "{}" and _WRITTEN & set(text)):
            return None
        if name in options:
            options[name] = text
        elif section == "tricks" and _changed(tricks, key.split("."), _value(text)):
            continue
        elif section in _PAPER and key in LOOP and (section == "optim") == (key in LOOP_IN_OPTIM):
            changes[key] = _value(text)
        else:
            return None
    sections = {group: CONF_FOLDER / group / f"{options[group]}.yaml" for group in _PAPER}
    if not all(path.is_file() for path in sections.values()):
        return None
    found = {group: yaml.safe_load(path.read_text(encoding="utf-8")) for group, path in sections.items()}
    preset, _, loop = recipe_of({**found, "preset": options["preset"], "tricks": tricks})
    return preset, tricks, _numbers({**loop, **changes})


def _value(text: str) -> Any:
    """Return a value as Hydra reads it; YAML alone takes 1e-6 for a word."""
    found = yaml.safe_load(text)
    if isinstance(found, str):
        with suppress(ValueError):
            return float(found)
    return found


def _changed(tricks: Written, path: Sequence[str], value: Any) -> bool:
    """Set a trick or one of its settings and return True; return False for a path that Hydra has to judge."""
    if len(path) == 1 and (value is None or value == {}):
        tricks[path[0]] = value
        return True
    if len(path) == 2 and isinstance(tricks.get(path[0], {}), dict):
        tricks.setdefault(path[0], {})[path[1]] = value
        return True
    return False
