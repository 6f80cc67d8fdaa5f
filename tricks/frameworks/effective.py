"""The options in effect: those a user gives, over the defaults of a release."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from tricks.settings import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tricks.frameworks.catalogue import Catalogue
    from tricks.frameworks.spelling import Framework

_REFERENCE: Final = re.compile(
    r"^\$\{(?:oc\.select:)?([\w.]+)(?:\s*,\s*([^{}]*))?\}$"
)  # OmegaConf: ${a.b}, ${oc.select:a.b,1}


class GivenOption(Protocol):
    """An option as the user writes it, such as ``tricks.forms.Given``."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def value(self) -> Any: ...  # noqa: D102

    @property
    def place(self) -> str: ...  # noqa: D102


DEFAULT: Final = "default"  # first word of the place of a value that the user does not give


@dataclass(frozen=True, slots=True)
class Unknown:
    """A given option that the release does not have."""

    name: str
    value: Any
    place: str
    because: str  # a sentence: the nearest name, or the releases that have it


class Tracked(dict[str, Any]):
    """The values of options by name, which remembers the names that were asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of an option, None for one that the release lacks."""
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)


@dataclass(frozen=True, slots=True)
class Effective:
    """The options of one configuration at one release."""

    release: str
    values: Tracked
    given: Mapping[str, GivenOption] = field(default_factory=dict)  # by the name in the catalogue
    unknown: tuple[Unknown, ...] = ()
    repeated: tuple[str, ...] = ()  # sentences on options that are given twice; the last one counts

    def source(self, name: str) -> str:
        """Return where an option's value comes from: its place, or the default."""
        return self.given[name].place if name in self.given else f"{DEFAULT} of {self.release}"


def resolve_options(
    framework: Framework, catalogue: Catalogue, release: str, given: Iterable[GivenOption]
) -> Effective:
    """Lay the given options over the defaults of a release.

    Args:
        framework: The framework, for its names and the options of other programs.
        catalogue: Its options by release.
        release: One of ``catalogue.releases``.
        given: The options as they were read, in order; a later one replaces an earlier one.

    Returns:
        The options in effect. A name that the release lacks is listed as unknown and has no value.

    """
    defaults = catalogue.defaults(release)
    known: dict[str, GivenOption] = {}
    unknown: dict[str, Unknown] = {}
    repeated: list[str] = []
    for option in given:
        name = framework.rename(option.name)
        if name in defaults or _belongs(name, defaults) or _matches(name, framework.foreign):
            if name in known and known[name].value != option.value:
                repeated.append(f"{name}: given at {known[name].place} and at {option.place}; the last one counts")
            known[name] = option
        else:
            unknown[name] = Unknown(
                option.name, option.value, option.place, _because(name, catalogue, defaults, release)
            )
    values = defaults | {name: option.value for name, option in known.items()}
    resolved = Tracked({name: _resolved(value, values) for name, value in values.items()})
    return Effective(release, resolved, known, tuple(unknown.values()), tuple(repeated))


def _belongs(name: str, defaults: Mapping[str, Any]) -> bool:
    """Return True for a name inside an option that holds a mapping, and for the section of known options."""
    return any(parent in defaults for parent in _parents(name)) or any(each.startswith(f"{name}.") for each in defaults)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any_pattern(tuple(patterns)).match(name) is not None


def matches_option(name: str, patterns: tuple[str, ...]) -> bool:
    """Return True if one of the globs matches a name, or the option that it belongs to."""
    pattern = any_pattern(patterns)
    return any(pattern.match(each) for each in (name, *_parents(name)))


@cache
def any_pattern(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return one compiled pattern for several globs; it matches nothing where there is none."""
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")


def _parents(name: str) -> Iterator[str]:
    yield from (name[: match.start()] for match in re.finditer(r"\.", name))


def _because(name: str, catalogue: Catalogue, defaults: Mapping[str, Any], release: str) -> str:
    if releases := catalogue.exists(name):
        return f"{catalogue.framework} has it {releases}, not in {release}"
    last = name.rsplit(".", 1)[-1]
    moved = [each for each in defaults if each.rsplit(".", 1)[-1] == last]
    if moved:
        return f"{catalogue.framework} {release} has no such option; did you mean {moved[0]!r}?"
    near = suggest(name, defaults)
    return f"{catalogue.framework} {release} has no such option" + (f"; {near}" if near.startswith("did") else "")


def _resolved(value: Any, values: Mapping[str, Any], depth: int = 8) -> Any:
    """Follow a reference to another option; what cannot be followed stays as it is written."""
    if not isinstance(value, str) or not depth or (found := _REFERENCE.match(value.strip())) is None:
        return value
    if found[1] in values:
        return _resolved(values[found[1]], values, depth - 1)
    return value if found[2] is None else found[2]
