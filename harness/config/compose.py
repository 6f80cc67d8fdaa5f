"""Compose an experiment with Hydra: overrides in, plain data out, clear error messages.

Only this module uses Hydra.

A grid composes every cell, and Hydra takes 0.1 s for each. Overrides that only choose options or set values have a fast
path: each file is read once, and Hydra's own parser reads each override once; this is about a thousand times as fast.
All other overrides go to ``compose_config``, which also raises all errors.
"""

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import cache
from typing import Any, Final

from hydra import compose as hydra_compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from harness.common import SchemaError, suggest
from harness.config.groups import CONF_FOLDER, list_config_groups

MODULE: Final = "harness.conf"


def compose_config(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the experiment with the overrides applied.

    Raises SchemaError, which names the faulty override.
    """
    overrides = _expanded(overrides)
    bare = next((override for override in overrides if "=" not in override and override[:1] != "~"), None)
    if bare is not None:
        raise SchemaError(f"{bare}: write a setting as NAME=VALUE, such as seed=1")
    if not GlobalHydra.instance().is_initialized():  # once per process: it takes longer than composing
        initialize_config_module(MODULE, version_base="1.3")
    try:
        written = [allow_new_trick(override) for override in (*overrides, *find_implied_overrides(overrides))]
        node = hydra_compose("experiment", overrides=written)
        plain = OmegaConf.to_container(node, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise SchemaError(_explain(str(error), overrides)) from None
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _expanded(overrides: Sequence[str]) -> Sequence[str]:
    """Replace ``+from=FILE``, another framework's configuration, by the overrides that it stands for."""
    if not any(override.startswith(("+from=", "from=")) for override in overrides):
        return overrides
    from harness.config.expand import expand_from  # noqa: PLC0415 - rarely needed

    return expand_from(overrides)


def allow_new_trick(override: str) -> str:
    """Mark an override of a trick as one that Hydra may add.

    The tricks in an experiment are changes to those of a preset, and no configuration file holds them.
    """
    if override.startswith("~tricks."):
        return f"++{override[1:]}=null"
    return f"++{override}" if override.startswith("tricks.") else override


def find_implied_overrides(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return the overrides implied by ``data.source=file``: no difficulties, unless given."""
    given = {override.lstrip("+").partition("=")[0] for override in overrides}
    of_a_file = any(override.lstrip("+") == "data.source=file" for override in overrides)
    return ("data.difficulties=[]",) if of_a_file and "data.difficulties" not in given else ()


def _explain(message: str, overrides: Sequence[str]) -> str:
    first = message.splitlines()[0]
    if missing := re.search(r"Could not find '(\w+)/([^']+)'", message):
        group, option = missing.groups()
        return f"{group}={option}: no such option; {suggest(option, list_config_groups().get(group, []))}"
    if unknown := re.search(r"Could not override '([^']+)'", message):
        return _unknown(unknown[1])
    if "looks like a config group override" in message:
        return f"{first}; {suggest(first.split(chr(39))[1], list_config_groups())}"
    if re.match(r"LexerNoViable|no viable alternative|mismatched input|extraneous input", first):
        first += (
            "; quote a value with characters other than letters, digits and _-./: , as in data.path='\"~/a b.jsonl\"'"
        )
    return f"{first} (overrides: {' '.join(overrides)})"


def _unknown(path: str) -> str:
    defaults: Any = compose_config(())
    for name in path.split("."):
        if not isinstance(defaults, dict) or name not in defaults:
            break
        defaults = defaults[name]
    return f"{path}: no such setting; {suggest(name, defaults if isinstance(defaults, dict) else {})}"


_SPECIAL = ("${", "defaults:", "@package")  # words that make a file depend on other files
_ADDING = (OverrideType.ADD, OverrideType.FORCE_ADD)  # create the mappings that a setting lies in


def compose_fast(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the experiment with the overrides applied, equal to the result of ``compose_config``.

    Raises SchemaError like ``compose_config``.
    """
    overrides = _expanded(overrides)
    parsed = [_parsed(allow_new_trick(override)) for override in (*overrides, *find_implied_overrides(overrides))]
    # Of several options of a group the last one counts, as for Hydra.
    choices = {override.key_or_group: override.value() for override in parsed if override and _chooses(override)}
    if not all(override and _plain(override) for override in parsed):
        return compose_config(overrides)
    found = {**_defaults(), **{group: _section(group, str(option)) for group, option in choices.items()}}
    if None in found.values():
        return compose_config(overrides)
    found = {name: deepcopy(value) for name, value in found.items()}
    values = (override for override in parsed if override and not _chooses(override))
    return found if all(_set(found, override) for override in values) else compose_config(overrides)


@cache
def _defaults() -> dict[str, Any]:
    return compose_config(())


@cache
def _parsed(written: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(written)
    except HydraException:
        return None


def _chooses(override: Override) -> bool:
    return override.key_or_group in list_group_names()


@cache
def list_group_names() -> frozenset[str]:
    """Return the names of the config groups."""
    return frozenset(list_config_groups())


def _plain(override: Override) -> bool:
    """Return whether an override is ``group=option``, or sets one value without references."""
    if override.is_sweep_override() or override.package is not None or "${" in (override.input_line or "${"):
        return False
    if _chooses(override):
        return override.type == OverrideType.CHANGE and isinstance(override.value(), str)
    first = override.key_or_group.partition(".")[0]
    return first in _defaults() and override.type in {OverrideType.CHANGE, OverrideType.ADD, OverrideType.FORCE_ADD}


@cache
def _section(group: str, option: str) -> Any:
    """Return the content of a group's file; None where it is missing or refers to others."""
    path = CONF_FOLDER / group / f"{option}.yaml"
    text = path.read_text(encoding="utf-8") if path.is_file() else _SPECIAL[0]
    return None if any(word in text for word in _SPECIAL) else OmegaConf.to_container(OmegaConf.create(text))


def _set(found: dict[str, Any], override: Override) -> bool:
    """Set the value in place and return True; return False where Hydra must give the error."""
    *parents, last = override.key_or_group.split(".")
    node: Any = found
    for name in parents:
        if override.type in _ADDING and isinstance(node, dict):
            node.setdefault(name, {})
        node = node.get(name) if isinstance(node, dict) else None
    if not isinstance(node, dict):
        return False
    value = override.value()
    if not _allowed(override.type, node, last, value):
        return False
    node[last] = _merged(node.get(last), value)
    return True


def _allowed(kind: OverrideType | None, node: dict[str, Any], name: str, value: Any) -> bool:
    """Return whether Hydra would accept the override.

    A plain override needs an existing setting. A ``+`` needs a setting that does not exist, unless it adds to a mapping
    or a list.
    """
    if kind == OverrideType.CHANGE:
        return name in node and not (isinstance(value, dict) and set(_keys(value)) - set(_keys(node[name])))
    return kind == OverrideType.FORCE_ADD or node.get(name) is None or isinstance(value, dict | list)


def _keys(value: Any) -> Iterator[str]:
    """Yield all dotted paths of a mapping."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield str(key)
        yield from (f"{key}.{rest}" for rest in _keys(inner))


def _merged(old: Any, new: Any) -> Any:
    """Return ``new`` merged into ``old`` where both are mappings, otherwise ``new``."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}
    return deepcopy(new)


def split_sweep_override(word: str) -> tuple[str, tuple[str, ...]]:
    """Split a Hydra multirun argument, such as ``optim.lr=3e-4,1e-3``, into key and values.

    Raises SchemaError where Hydra cannot read the argument or its values cannot be listed.
    """
    override = _parsed(word)
    if override is None:
        compose_config((word,))
        raise SchemaError(f"{word}: write a setting as NAME=VALUE, with commas between the values of an axis")
    if not override.is_sweep_override():
        return override.get_key_element(), (word.partition("=")[2],)
    if not override.is_discrete_sweep():
        raise SchemaError(f"{word}: an axis has values that can be listed; write them with commas between")
    return override.get_key_element(), tuple(override.sweep_string_iterator())
