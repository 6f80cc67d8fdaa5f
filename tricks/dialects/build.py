"""From names to an update rule: preset, tricks added and left out, the dialect they are spoken in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tricks.api import CLOSED, TrickError
from tricks.catalog import VANILLA, find
from tricks.dialects.registry import find_dialect
from tricks.dialects.translate import translate
from tricks.presets import find_preset
from tricks.rule import UpdateRule
from tricks.settings import make, written

if TYPE_CHECKING:
    from tricks.batch import Setup

OURS: Final = "none"  # the dialect that changes nothing
Written = Mapping[str, Mapping[str, Any] | None]  # trick -> settings, None leaves it out


def build(preset: str, tricks: Written, emulate: str, setup: Setup) -> UpdateRule:
    """Build the rule of a preset with ``tricks`` over it, as the framework ``emulate`` computes it.

    Every setting in ``tricks`` holds as it is written, whether or not it is the default, or the rule is refused. What
    the preset or the catalog sets is part of the name: it is refused where the framework lacks it, and where it is a
    default it takes the framework's value.

    Args:
        preset: Name of the preset.
        tricks: Settings by trick, over the preset's; None leaves a trick out.
        emulate: Name of the dialect, or ``OURS``.
        setup: Facts of the run that tricks may depend on.

    Returns:
        The rule.

    Raises:
        TrickError: A name or a setting is unknown, tricks clash, or the framework cannot express what is written.

    """
    parts = chosen(preset, tricks)
    fillers = {hook: VANILLA[hook] for hook in CLOSED}
    if emulate == OURS:
        return UpdateRule(parts, fillers, setup)
    given = {name: tuple(settings) for name, settings in tricks.items() if settings is not None}
    spoken = translate(find_dialect(emulate), fillers | parts, given)
    try:
        return UpdateRule({name: spoken[name] for name in parts}, {hook: spoken[hook] for hook in fillers}, setup)
    except TrickError as error:
        UpdateRule(parts, fillers, setup)  # where the dialect is not to blame, the message is without it
        clashes = str(error).splitlines()
    raise TrickError("\n".join(_as_spoken(clash, tricks, emulate) for clash in clashes))


def _as_spoken(clash: str, tricks: Written, emulate: str) -> str:
    """Word a trick's complaint, which begins with its name, where the framework sets some of its settings."""
    given = tricks.get(clash.partition(":")[0]) or {}
    words = " and ".join(f"{key}={written(value)}" for key, value in given.items())
    where = f" where {words} is given" if words else ""
    return f"{clash}, as {emulate} computes it{where}; set one of these otherwise, or leave emulate out"


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
