"""Build an update rule from names: a preset, added or removed tricks, and a dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tricks.api import REQUIRED_HOOKS, TrickError
from tricks.catalog import DEFAULT_TRICKS, find_trick
from tricks.dialects.registry import find_dialect
from tricks.dialects.translate import translate
from tricks.presets import find_preset
from tricks.rule import UpdateRule
from tricks.settings import format_value, make_trick

if TYPE_CHECKING:
    from tricks.batch import Setup

NO_DIALECT: Final = "none"  # the dialect that changes nothing
Written = Mapping[str, Mapping[str, Any] | None]  # trick -> settings, None leaves it out


def build_rule(preset: str, tricks: Written, emulate: str, setup: Setup) -> UpdateRule:
    """Build the rule of a preset with changes, as the framework ``emulate`` computes it.

    Every setting in ``tricks`` holds as it is written, even if it equals the default, or the rule is refused. Settings
    of
    the preset or the catalog are part of the name. They are refused where the framework lacks them, and a default takes
    the framework's value.

    Args:
        preset: Name of the preset.
        tricks: Settings by trick, over the preset's; None leaves a trick out.
        emulate: Name of the dialect, or ``NO_DIALECT``.
        setup: Facts of the run that tricks may depend on.

    Returns:
        The rule.

    Raises:
        TrickError: A name or a setting is unknown, tricks clash, or the framework cannot express what is written.

    """
    parts = choose_tricks(preset, tricks)
    fillers = {hook: DEFAULT_TRICKS[hook] for hook in REQUIRED_HOOKS}
    if emulate == NO_DIALECT:
        return UpdateRule(parts, fillers, setup)
    given = {name: tuple(settings) for name, settings in tricks.items() if settings is not None}
    spoken = translate(find_dialect(emulate), fillers | parts, given)
    try:
        return UpdateRule({name: spoken[name] for name in parts}, {hook: spoken[hook] for hook in fillers}, setup)
    except TrickError as error:
        UpdateRule(parts, fillers, setup)  # raises its own message where the dialect is not the cause
        clashes = str(error).splitlines()
    raise TrickError("\n".join(_as_spoken(clash, tricks, emulate) for clash in clashes))


def _as_spoken(clash: str, tricks: Written, emulate: str) -> str:
    """Return a trick's complaint with the words that the framework computes it so.

    The complaint starts with the trick's name.
    """
    given = tricks.get(clash.partition(":")[0]) or {}
    words = " and ".join(f"{key}={format_value(value)}" for key, value in given.items())
    where = f" where {words} is given" if words else ""
    return f"{clash}, as {emulate} computes it{where}; change one of these settings, or leave emulate out"


def choose_tricks(preset: str, tricks: Written) -> dict[str, Any]:
    """Return the tricks of a preset with the given changes.

    Settings are changed, tricks are added, and tricks given as None are left out. Raises TrickError for unknown names.
    """
    settings = {name: dict(given) for name, given in find_preset(preset).tricks.items()}
    for name, given in tricks.items():
        find_trick(name)
        if given is None and name not in settings:
            known = ", ".join(find_preset(preset).tricks) or "no trick"
            raise TrickError(f"{name}: nothing to leave out, preset {preset} has no {name}; it has {known}")
        if given is None:
            del settings[name]
        else:
            settings[name] = {**settings.get(name, {}), **given}
    return {
        name: make_trick(name, find_trick(name).cls, {**find_trick(name).settings, **given})
        for name, given in settings.items()
    }
