"""The parts of a dialect: rows that say how one framework computes each trick.

    Variant    a class of trick and the settings that select the row; what the framework then fixes and leaves free
    Refusal    what the framework cannot express, and what to choose instead
    Rewrite    a part that the framework replaces silently, such as an aggregation that its surrogate ignores

Each row names its source and the releases for which it holds. Rows are only data, so that the documentation can print
for each trick what every framework does with it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, TypeVar

from tricks.api import TrickError
from tricks.filtering import DynamicSampling
from tricks.normalization import Normalize
from tricks.rewards import FormatReward, LengthReward, SoftOverlong
from tricks.settings import suggest


@dataclass(frozen=True, slots=True)
class Pattern:
    """The tricks of a class that have the given settings."""

    cls: type[Any]
    when: Mapping[str, Any] = field(default_factory=dict)
    test: Callable[[Any], bool] | None = None  # for conditions other than equality

    def matches(self, part: object) -> bool:
        """Return True if the trick matches the pattern."""
        chosen = type(part) is self.cls and all(getattr(part, key) == value for key, value in self.when.items())
        return chosen and (self.test is None or self.test(part))


@dataclass(frozen=True, slots=True)
class Variant:
    """The framework's computation of a class of trick for the settings in ``when``."""

    cls: type[Any]
    where: str  # path:line in the repository at the dialect's commit
    when: Mapping[str, Any] = field(default_factory=dict)  # settings that select this row
    then: Mapping[str, Any] = field(default_factory=dict)  # values that the framework fixes
    free: tuple[str, ...] = ()  # settings that its user may choose; a value in ``then`` is the default
    required: tuple[str, ...] = ()  # settings in ``free`` that must not be null
    asked: tuple[str, ...] = ()  # the row applies only where the user gives one of these settings
    beside: tuple[Pattern, ...] = ()  # one of these tricks must also be chosen
    apart: tuple[Pattern, ...] = ()  # none of these may be chosen
    note: str = ""  # what the fields cannot express
    becomes: type[Any] | None = (
        None  # a class with the same settings that computes it, where ours computes something else
    )
    since: str = ""  # the first release for which the row holds; "" is the first known one
    until: str = ""  # the last one, included; "" is the newest

    def fits(self, part: object, company: Iterable[object], given: Collection[str] = ()) -> bool:
        """Return True if the row applies to a trick.

        Args:
            part: The trick.
            company: The other tricks of the rule.
            given: Names of the settings that the user writes.

        Returns:
            True if the settings match and the other tricks allow it.

        """
        chosen = not self.asked or any(key in given for key in self.asked)
        return chosen and Pattern(self.cls, self.when).matches(part) and _suits(self.beside, self.apart, company)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A trick or setting that the framework cannot express."""

    pattern: Pattern
    because: str  # continues "NAME: FRAMEWORK ..."
    instead: str  # the way out: "choose A", "choose A with B", "set KEY=VALUE"; "" means leaving emulate out
    where: str  # path:line
    beside: tuple[Pattern, ...] = ()
    apart: tuple[Pattern, ...] = ()
    since: str = ""
    until: str = ""

    def fits(self, part: object, company: Iterable[object]) -> bool:
        """Return True if the refusal applies to a trick, given the other tricks of the rule."""
        return self.pattern.matches(part) and _suits(self.beside, self.apart, company)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A part that the framework uses in place of the chosen one."""

    hook: str
    becomes: Any
    where: str
    beside: tuple[Pattern, ...] = ()  # one of these must be chosen
    filler: bool = False  # only where nothing was chosen for the hook
    note: str = ""
    apart: tuple[Pattern, ...] = ()  # none of these may be chosen
    since: str = ""
    until: str = ""

    def applies(self, company: Iterable[object]) -> bool:
        """Return True if the framework replaces the part in a rule with these tricks."""
        return _suits(self.beside, self.apart, company)


class Ranged(Protocol):
    """A row that holds from a release to a release, both included; "" is an open end."""

    @property
    def since(self) -> str: ...  # noqa: D102

    @property
    def until(self) -> str: ...  # noqa: D102


_Row = TypeVar("_Row", Variant, Refusal, Rewrite)


@dataclass(frozen=True, slots=True)
class Dialect:
    """A framework, with the rows of all its known releases or of one.

    A framework that releases nothing has its commit as the only release.
    """

    name: str
    repository: str
    commit: str  # at which the newest rows were read
    variants: tuple[Variant, ...]
    refusals: tuple[Refusal, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    besides: tuple[str, ...] = ()  # what it does by default and we leave out
    releases: tuple[str, ...] = ()  # all known ones in order; () is the commit alone
    release: str = ""  # the one whose rows these are; "" where the rows are of all

    @property
    def known_releases(self) -> tuple[str, ...]:
        """The known releases in order, or the commit of a framework that releases nothing."""
        return self.releases or (self.commit,)

    @property
    def spelled(self) -> str:
        """The name with the release, as ``emulate`` takes it: ``trl@0.22.1``."""
        return f"{self.name}@{self.release or self.known_releases[-1]}"

    @property
    def spoken(self) -> str:
        """The name for messages: with the release where that is not the newest known one."""
        newest = self.release in ("", self.known_releases[-1])
        return self.name if newest else f"{self.name} {self.release}"

    def at(self, release: str) -> "Dialect":
        """Return the dialect with the rows of one release.

        Raises TrickError for a release that is not known here, with the known ones nearest to it.
        """
        if release not in self.known_releases:
            raise TrickError(self._unknown(release))
        return replace(
            self,
            variants=self._holding(self.variants, release),
            refusals=self._holding(self.refusals, release),
            rewrites=self._holding(self.rewrites, release),
            release=release,
        )

    def newest(self) -> "Dialect":
        """Return the dialect with the rows of the newest known release."""
        return self.at(self.known_releases[-1])

    def holds(self, row: "Ranged", release: str) -> bool:
        """Return True if a row holds for a release of this dialect."""
        order = self.known_releases
        first = order.index(row.since) if row.since else 0
        last = order.index(row.until) if row.until else len(order) - 1
        return first <= order.index(release) <= last

    def _holding(self, rows: tuple[_Row, ...], release: str) -> tuple[_Row, ...]:
        return tuple(row for row in rows if self.holds(row, release))

    def _unknown(self, release: str) -> str:
        known = self.known_releases
        if not self.releases:
            return f"{self.name}@{release}: {self.name} is known at commit {known[0]} alone; write emulate={self.name}"
        span = f"{known[0]} to {known[-1]}" if len(known) > 1 else known[0]
        return f"{self.name}@{release}: no such release is known here; {suggest(release, known)} (known: {span})"

    def rows(self, cls: type[Any]) -> tuple[Variant | Refusal, ...]:
        """Return the variants and then the refusals of a class of trick, for documentation."""
        refusals = tuple(row for row in self.refusals if row.pattern.cls is cls)
        return tuple(row for row in self.variants if row.cls is cls) + refusals


def _suits(beside: tuple[Pattern, ...], apart: tuple[Pattern, ...], company: Iterable[object]) -> bool:
    others = tuple(company)
    wanted = not beside or any(pattern.matches(part) for pattern in beside for part in others)
    return wanted and not any(pattern.matches(part) for pattern in apart for part in others)


# RESIDUE: where the float32 standard deviation is 0, the rounding error of the mean is divided by epsilon.
SINGLE: Final[Mapping[str, Any]] = {"precision": "single"}
RESIDUE: Final[Mapping[str, Any]] = {**SINGLE, "zero_std": "eps"}

GROUP: Final[Mapping[str, Any]] = {"mean": "group", "std": "group"}
CENTERED: Final[Mapping[str, Any]] = {"mean": "group", "std": "none"}
BATCH: Final[Mapping[str, Any]] = {"mean": "batch", "std": "batch"}
MIXED: Final[Mapping[str, Any]] = {"mean": "group", "std": "batch"}
RAW: Final[Mapping[str, Any]] = {"mean": "none", "std": "none"}
RLOO: Final[Mapping[str, Any]] = {"mean": "leave_one_out", "std": "none"}


def reward_functions(where: str) -> tuple[Variant, ...]:
    """Return the rows of the reward terms that a framework takes from its user as a function."""
    note = "in the user's reward function"
    return (
        Variant(FormatReward, where, free=("bonus",), note=note),
        Variant(LengthReward, where, free=("weight",), note=f"{note}, which has to see the whole group"),
        Variant(SoftOverlong, where, free=("cache", "limit", "weight"), note=note),
    )


def soft_overlong(where: str, note: str = "") -> Variant:
    """Return the row of a framework that has soft overlong punishment built in."""
    return Variant(SoftOverlong, where, free=("cache", "limit", "weight"), note=note)


def dynamic_sampling(where: str, note: str = "") -> Variant:
    """Return the row of a framework that has dynamic sampling built in.

    The stopping rule is ours.
    """
    return Variant(DynamicSampling, where, free=("rounds", "at_cap"), note=note)


def refuse_class(cls: type[Any], because: str, where: str, instead: str = "") -> Refusal:
    """Return the refusal of a class that the framework cannot compute.

    Args:
        cls: The class of the trick.
        because: What the framework lacks, as the end of a sentence that begins with its name.
        where: ``path:line`` in the framework.
        instead: What to choose; empty where nothing is near.

    Returns:
        The refusal, for all settings of the class.

    """
    return Refusal(Pattern(cls), because, instead, where)


def refuse_mixed_norm(where: str, whitens: bool) -> Refusal:
    """Return the refusal of Lite PPO's standard deviation of the rewards of a batch.

    With ``whitens`` the message also offers whitening over tokens, which is the nearest.
    """
    instead = "choose group_norm, or group_mean with token_whitening" if whitens else "choose group_norm"
    return refuse_norm(MIXED, "has no standard deviation of the rewards of a batch", where, instead)


def refuse_norm(when: Mapping[str, Any], because: str, where: str, instead: str) -> Refusal:
    """Return the refusal of a normalization that the framework does not have.

    Args:
        when: The settings of the normalization.
        because: What the framework lacks, as in ``refuse_class``.
        where: ``path:line`` in the framework.
        instead: What to choose.

    Returns:
        The refusal, for these settings of ``Normalize``.

    """
    return Refusal(Pattern(Normalize, when), because, instead, where)
