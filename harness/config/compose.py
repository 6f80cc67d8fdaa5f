"""Compose an experiment with Hydra: overrides in, plain data out, clear error messages.

Only this module and ``overlay`` use Hydra.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from hydra import compose as hydra_compose
from hydra import initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from harness.common.schema import SchemaError, suggest
from harness.config.groups import list_config_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULE: Final = "harness.conf"


def compose_config(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the experiment with the overrides applied.

    Raises SchemaError, which names the faulty override.
    """
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
