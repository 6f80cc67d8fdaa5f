"""Settings whose word stands for the length limit of the run, which frameworks write as a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tricks.frameworks.spelling import Take

if TYPE_CHECKING:
    from tricks.frameworks.spelling import Loop, Options


@dataclass(frozen=True, slots=True)
class LimitTake(Take):
    """A number of tokens that is ``"limit"`` where it equals the limit of the run, or is not given."""

    limit: str = ""  # the option with the limit of the run
    default: int | None = None  # its default, for a loop that says no limit

    def value(self, options: Options) -> Any:
        """Return the number, or the word for the limit."""
        given, limit = options.get(self.option), options.get(self.limit)
        return "limit" if given is None or given == limit else given

    def written(self, value: Any, loop: Loop) -> Any:
        """Return the number; the limit is that of the loop."""
        return loop.get("max_response_length", self.default) if value == "limit" else value


@dataclass(frozen=True, slots=True)
class FifthTake(Take):
    """A number of tokens that is None where it equals a fifth of the limit of the run, or is not given."""

    limits: tuple[str, ...] = ()  # the options with the limit; the first one that is given counts
    default: int | None = None  # the limit's default, for a loop that says none

    def value(self, options: Options) -> Any:
        """Return the number, or None for a fifth of the limit."""
        given = options.get(self.option)
        limit = next((found for name in self.limits if isinstance(found := options.get(name), int)), 0)
        return None if given is None or given == max(1, limit // 5) else given

    def written(self, value: Any, loop: Loop) -> Any:
        """Return the number; a fifth is that of the loop's limit."""
        limit = loop.get("max_response_length", self.default)
        return max(1, limit // 5) if value is None and limit else value
