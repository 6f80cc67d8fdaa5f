"""A dialect: how one framework computes what a trick names, row by row, each with its source.

    Variant    a class of trick and the settings that select the row; what the framework then fixes and leaves free
    Refusal    what the framework cannot express, and what to choose instead
    Rewrite    a part that the framework replaces without a word, such as an aggregation that its surrogate ignores

Rows are data and nothing else, so that the documentation can print for each trick what every framework does with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Pattern:
    """The tricks of a class that have these settings."""

    cls: type[Any]
    when: Mapping[str, Any] = field(default_factory=dict)
    test: Callable[[Any], bool] | None = None  # for what equality cannot say

    def matches(self, part: object) -> bool:
        """Whether a trick is one of these."""
        chosen = type(part) is self.cls and all(getattr(part, key) == value for key, value in self.when.items())
        return chosen and (self.test is None or self.test(part))


@dataclass(frozen=True, slots=True)
class Variant:
    """How the framework computes a class of trick for the settings in ``when``."""

    cls: type[Any]
    where: str  # path:line in the repository at the dialect's commit
    when: Mapping[str, Any] = field(default_factory=dict)  # settings that select this row
    then: Mapping[str, Any] = field(default_factory=dict)  # settings as the framework has them
    free: tuple[str, ...] = ()  # settings it leaves to its user; one in ``then`` too is its default
    required: tuple[str, ...] = ()  # settings in ``free`` that it cannot do without: null is refused
    asked: tuple[str, ...] = ()  # the row holds only where the user gives one of these settings
    beside: tuple[Pattern, ...] = ()  # one of these must be chosen too
    apart: tuple[Pattern, ...] = ()  # none of these may be
    note: str = ""  # what the row cannot say
    becomes: type[Any] | None = None  # a class of the same settings that computes it, where ours computes another thing

    def fits(self, part: object, company: Iterable[object], given: Collection[str] = ()) -> bool:
        """Tell whether the row holds for a trick.

        Args:
            part: The trick.
            company: The other tricks of the rule.
            given: Names of the settings that the user writes.

        """
        chosen = not self.asked or any(key in given for key in self.asked)
        return chosen and Pattern(self.cls, self.when).matches(part) and _suits(self.beside, self.apart, company)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the framework cannot express."""

    pattern: Pattern
    because: str  # continues "NAME: FRAMEWORK ..."
    instead: (
        str  # a way out beside leaving emulate out: "choose A", "choose A with B", "set KEY=VALUE"; "" is to leave it
    )
    where: str  # path:line
    beside: tuple[Pattern, ...] = ()
    apart: tuple[Pattern, ...] = ()

    def fits(self, part: object, company: Iterable[object]) -> bool:
        """Whether the refusal holds for a trick in the company of the others."""
        return self.pattern.matches(part) and _suits(self.beside, self.apart, company)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A part that the framework puts in place of what was chosen."""

    hook: str
    becomes: Any
    where: str
    beside: tuple[Pattern, ...] = ()  # one of these must be chosen
    filler: bool = False  # only where nothing was chosen for the hook
    note: str = ""
    apart: tuple[Pattern, ...] = ()  # none of these may be

    def applies(self, company: Iterable[object]) -> bool:
        """Tell whether the framework puts it in place beside these tricks."""
        return _suits(self.beside, self.apart, company)


@dataclass(frozen=True, slots=True)
class Dialect:
    """A framework at one commit."""

    name: str
    repository: str
    commit: str
    variants: tuple[Variant, ...]
    refusals: tuple[Refusal, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    besides: tuple[str, ...] = ()  # what it does unless told not to, and we leave out

    def rows(self, cls: type[Any]) -> tuple[Variant | Refusal, ...]:
        """What the framework does with a class of trick, for documentation: its variants, then its refusals."""
        refusals = tuple(row for row in self.refusals if row.pattern.cls is cls)
        return tuple(row for row in self.variants if row.cls is cls) + refusals


def _suits(beside: tuple[Pattern, ...], apart: tuple[Pattern, ...], company: Iterable[object]) -> bool:
    others = tuple(company)
    wanted = not beside or any(pattern.matches(part) for pattern in beside for part in others)
    return wanted and not any(pattern.matches(part) for pattern in apart for part in others)
