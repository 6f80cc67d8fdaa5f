"""Build an update rule from names: a preset, added or removed tricks, and a dialect.

A setting that the user gives is distinguished from a default by name, not by value: it holds as written, or it is
refused. A setting that nobody gives takes the framework's value. The settings that a name stands for, such as
mean=group of group_norm, select the framework's row. A row may read them in its own way where the user does not write
them out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import Field, fields, replace
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NoReturn

from tricks.api import REQUIRED_HOOKS, TrickError
from tricks.catalog import DEFAULT_TRICKS, find_trick
from tricks.dialects.registry import ALL_RELEASES, DIALECTS
from tricks.dialects.way_out import LEAVE as _LEAVE, find_way_out, write_command
from tricks.presets import find_preset
from tricks.recorded import recorded_name
from tricks.rule import UpdateRule
from tricks.settings import format_value, make_trick, suggest

if TYPE_CHECKING:
    from tricks.batch import Setup
    from tricks.dialects.dialect import Dialect, Pattern, Refusal, Rewrite, Variant


@cache
def find_dialect(name: str) -> Dialect:
    """Return the dialect of a framework at a release.

    Args:
        name: ``trl`` for the newest known release, ``trl@0.22.1`` for a release.

    Returns:
        The dialect with the rows of that release alone.

    Raises:
        TrickError: The framework or the release is not known; with the nearest known one.

    """
    framework, _, release = name.partition("@")
    if framework not in DIALECTS:
        raise TrickError(f"unknown dialect {framework!r}; {suggest(framework, DIALECTS)}")
    known = ALL_RELEASES[framework]
    return known.at(release) if release else known.newest()


Parts = Mapping[str, Any]  # tricks by name, and fillers by the name of the closed hook that they take
Given = Mapping[str, Collection[str]]  # the settings that the user gives, by trick

_NOTHING: Final[Given] = {}


def translate(dialect: Dialect, parts: Parts, given: Given = _NOTHING) -> dict[str, Any]:
    """Translate the parts into the dialect.

    A filler whose hook a trick takes is translated too, for the rule without that trick. It stays unchanged where the
    framework lacks it.

    Args:
        dialect: The framework.
        parts: Tricks by name, and fillers by the name of the closed hook that they take.
        given: The names of the settings that the user gives, by trick. These hold as written or are refused, even
            where they equal the default. Other settings count only where they differ from the default.

    Returns:
        The parts in the dialect, under the same names.

    Raises:
        TrickError: The framework cannot express a trick or a setting; the message names both and the way out.

    """
    dialect = dialect if dialect.release else dialect.newest()
    chosen = dict(parts)
    for rewrite in dialect.rewrites:
        chosen |= _rewritten(dialect, rewrite, chosen, given)
    company = _in_effect(chosen)
    waiting = {name: _waiting(dialect, name, part, company) for name, part in chosen.items() if name not in company}
    return waiting | {name: _translated(dialect, name, company, given) for name in company}


def _in_effect(parts: Parts) -> dict[str, Any]:
    tricks = [part for name, part in parts.items() if name not in REQUIRED_HOOKS]
    taken = {hook for hook in REQUIRED_HOOKS if any(hasattr(part, hook) for part in tricks)}
    return {name: part for name, part in parts.items() if name not in taken}


def _rewritten(dialect: Dialect, rewrite: Rewrite, parts: Parts, given: Given) -> dict[str, Any]:
    company = _in_effect(parts)
    if not rewrite.applies(company.values()):
        return {}
    names = (
        [rewrite.hook] if rewrite.filler else [name for name, part in company.items() if hasattr(part, rewrite.hook)]
    )
    return {
        name: _replaced(dialect, rewrite, name, company[name], given.get(name, ())) for name in names if name in company
    }


def _replaced(dialect: Dialect, rewrite: Rewrite, name: str, part: Any, given: Collection[str]) -> Any:
    """Return the framework's part in place of the chosen one, with the user's settings."""
    settings = {key: getattr(part, key) for key in given}
    if settings and type(part) is not type(rewrite.becomes):
        has = f"{dialect.spoken} computes {recorded_name(rewrite.becomes)} in place of {name}"
        _refuse(name, next(iter(settings)), part, has, rewrite.where)
    return replace(rewrite.becomes, **settings)


def _waiting(dialect: Dialect, hook: str, filler: Any, company: Parts) -> Any:
    """Return a filler as it would be translated without the trick that takes its hook."""
    others = [part for part in company.values() if not hasattr(part, hook)] + [filler]
    row = _row(dialect, filler, others, ())
    if row is None or _refusal(dialect, filler, others) is not None:
        return filler
    return _settled(dialect, hook, filler, row, ())


def _translated(dialect: Dialect, name: str, company: Parts, given: Given) -> Any:
    part, own = company[name], given.get(name, ())
    if (refusal := _refusal(dialect, part, company.values())) is not None:
        raise TrickError(_refused(dialect, name, refusal, company, given))
    if (row := _row(dialect, part, company.values(), own)) is None:
        raise TrickError(_unmatched(dialect, name, part, own))
    return _settled(dialect, name, part, row, own)


def _refusal(dialect: Dialect, part: Any, company: Iterable[Any]) -> Refusal | None:
    return next((refusal for refusal in dialect.refusals if refusal.fits(part, company)), None)


def _row(dialect: Dialect, part: Any, company: Iterable[Any], given: Collection[str]) -> Variant | None:
    return next((row for row in dialect.variants if row.fits(part, company, given)), None)


def _settled(dialect: Dialect, name: str, part: Any, row: Variant, given: Collection[str]) -> Any:
    settings = {known.name: _setting(dialect, name, part, known, row, given) for known in fields(part)}
    return (row.becomes or type(part))(**settings)


def _setting(dialect: Dialect, name: str, part: Any, setting: Field[Any], row: Variant, given: Collection[str]) -> Any:
    """Return the framework's value of a setting, or the user's where it is free."""
    key, value = setting.name, getattr(part, setting.name)
    fixed = row.then.get(key, value if key in row.when else setting.default)
    if key not in given and (key in row.when or value == setting.default):
        return fixed
    lacking = value is None and key in row.required
    if value == fixed or (key in row.free and not lacking):
        return value
    if lacking:
        has = f"always has one and takes {format_value(fixed)} where none is given"
    else:
        has = (
            f"fixes {format_value(fixed)}"
            if key in row.then
            else f"has no such choice and computes {format_value(fixed)}"
        )
    beside = [other for other in given if other in row.when] if key not in given else []
    _refuse(name, key, part, f"{dialect.spoken} {has}", row.where, beside)


def _refuse(name: str, key: str, part: Any, has: str, where: str, beside: Collection[str] = ()) -> NoReturn:
    """Refuse one setting of a trick, with the framework's value and the way out.

    ``beside`` are the settings that the user gives, where the setting itself is the trick's own.
    """
    got = format_value(getattr(part, key))
    if beside:
        got += f" of {name} where {_words({other: getattr(part, other) for other in beside})} is given"
    way_out = "".join(f"leave {other} out, " for other in beside or [key])
    raise TrickError(f"{name}.{key}: {has} ({where}), got {got}; {way_out}{_LEAVE}")


def _refused(dialect: Dialect, name: str, refusal: Refusal, company: Parts, given: Given) -> str:
    where, instead = f" ({refusal.where})" if refusal.where else "", refusal.instead or f"leave {name} out"
    chosen = {
        key: getattr(company[name], key) for key in _decisive(refusal.pattern, company[name], given.get(name, ()))
    }
    for pattern, (other, part) in product((*refusal.beside, *refusal.apart), company.items()):
        if other != name and type(part) is pattern.cls:
            chosen |= {f"{other}.{key}": getattr(part, key) for key in given.get(other, ()) if key in pattern.when}
    got = f", got {_words(chosen)}" if chosen else ""
    way_out = "".join(f"leave {key} out, " for key in chosen) + instead
    return f"{name}: {dialect.spoken} {refusal.because}{where}{got}; {way_out}, {_LEAVE}"


def _decisive(pattern: Pattern, part: Any, given: Collection[str]) -> list[str]:
    """Return the given settings without which the pattern might not match."""
    defaults = {known.name: known.default for known in fields(part)}
    return [key for key in given if key in pattern.when or not pattern.matches(replace(part, **{key: defaults[key]}))]


def _unmatched(dialect: Dialect, name: str, part: Any, given: Collection[str]) -> str:
    rows = [row for row in dialect.variants if row.cls is type(part)]
    options = list(dict.fromkeys(_words(row.when) for row in rows if row.when))
    if not options:
        return f"{name}: {dialect.spoken} has nothing that computes it; leave {name} out, {_LEAVE}"
    settings = {key: getattr(part, key) for row in rows for key in row.when}
    chosen = [key for key in settings if key in given]
    place = f"{name}.{chosen[0]}" if len(chosen) == 1 else name
    where = f" ({', '.join(dict.fromkeys(row.where for row in rows if row.when))})" if chosen else ""
    way_out = "".join(f"leave {key} out, " for key in chosen) + "choose one of these"
    return f"{place}: {dialect.spoken} has {' or '.join(options)}{where}, got {_words(settings)}; {way_out}, {_LEAVE}"


def _words(settings: Mapping[str, Any]) -> str:
    return " with ".join(
        f"{key}={value if isinstance(value, str) else format_value(value)}" for key, value in settings.items()
    )


NO_DIALECT: Final = "none"  # the dialect that changes nothing
Written = Mapping[str, Mapping[str, Any] | None]  # trick -> settings, None leaves it out


def build_rule(preset: str, tricks: Written, emulate: str, setup: Setup) -> UpdateRule:
    """Build the rule of a preset with changes, as the framework ``emulate`` computes it.

    Every setting in ``tricks`` holds as it is written, even if it equals the default, or the rule is refused. Settings
    of the preset or the catalog are part of the name. They are refused where the framework lacks them, and a default
    takes the framework's value.

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
    dialect = find_dialect(emulate)
    given = {name: tuple(settings) for name, settings in tricks.items() if settings is not None}
    try:
        spoken = translate(dialect, fillers | parts, given)
    except TrickError as error:
        raise RefusedRuleError(str(error), preset, tricks, emulate, setup) from None
    try:
        return UpdateRule({name: spoken[name] for name in parts}, {hook: spoken[hook] for hook in fillers}, setup)
    except TrickError as error:
        UpdateRule(parts, fillers, setup)  # raises its own message where the dialect is not the cause
        clashes = str(error).splitlines()
    words = "\n".join(_as_spoken(clash, tricks, emulate) for clash in clashes)
    raise RefusedRuleError(words, preset, tricks, emulate, setup)


class RefusedRuleError(TrickError):
    """A framework cannot express a rule.

    As text it ends with the words of the nearest rule that the framework accepts. They are searched for when the text
    is read.
    """

    def __init__(self, refusal: str, preset: str, tricks: Written, emulate: str, setup: Setup) -> None:
        super().__init__(refusal, preset, tricks, emulate, setup)
        self.refusal, self._asked = refusal, (preset, tricks, emulate, setup)
        self._command: str | None = None

    @property
    def command(self) -> str:
        """The words of the nearest rule that the framework accepts, or ""."""
        if self._command is None:
            preset, tricks, emulate, setup = self._asked
            found = find_way_out(preset, tricks, lambda changed: _refusal_of(preset, changed, emulate, setup))
            self._command = "" if found is None else write_command(preset, emulate, found)
        return self._command

    def __str__(self) -> str:
        """Return the refusal, and the words that build."""
        return f"{self.refusal}\nthis builds: {self.command}" if self.command else self.refusal


def _refusal_of(preset: str, tricks: Written, emulate: str, setup: Setup) -> str | None:
    """Return what is said against a rule, or None where it builds."""
    try:
        build_rule(preset, tricks, emulate, setup)
    except RefusedRuleError as error:
        return error.refusal
    except TrickError as error:
        return str(error)
    return None


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
