"""From names to an update rule: preset, tricks added and left out, the dialect they are spoken in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tricks.api import CLOSED, TrickError
from tricks.built_in import VANILLA
from tricks.catalog import find
from tricks.dialects.registry import find_dialect
from tricks.dialects.translate import translate
from tricks.presets import find_preset
from tricks.rule import UpdateRule
from tricks.settings import make

if TYPE_CHECKING:
    from tricks.batch import Setup

OURS: Final = "none"  # the dialect that changes nothing
Written = Mapping[str, Mapping[str, Any] | None]  # trick -> settings, None leaves it out


def build(preset: str, tricks: Written, emulate: str, setup: Setup) -> UpdateRule:
    """The rule of a preset with ``tricks`` over it, as the framework ``emulate`` computes it. Raises TrickError."""
    parts = chosen(preset, tricks)
    fillers = {hook: VANILLA[hook] for hook in CLOSED}
    if emulate != OURS:
        spoken = translate(find_dialect(emulate), fillers | parts)
        parts, fillers = {name: spoken[name] for name in parts}, {hook: spoken[hook] for hook in fillers}
    return UpdateRule(parts, fillers, setup)


def chosen(preset: str, tricks: Written) -> dict[str, Any]:
    """The tricks of a preset with settings changed, tricks added, and those given as None left out."""
    settings = {name: dict(given) for name, given in find_preset(preset).tricks.items()}
    for name, given in tricks.items():
        find(name)
        if given is None and name not in settings:
            known = ", ".join(find_preset(preset).tricks) or "no trick"
            raise TrickError(f"{name}: nothing to leave out, preset {preset} has no {name}; it has {known}")
        if given is None:
            del settings[name]
        else:
            settings[name] = {**settings.get(name, {}), **given}
    return {name: make(name, find(name).cls, {**find(name).settings, **given}) for name, given in settings.items()}
