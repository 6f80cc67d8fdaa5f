"""One hostile response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Hostile:
    """A response that must end quickly and earn nothing."""

    name: str
    gold: str
    response: str


def boxed(content: str) -> str:
    """A response with one box."""
    return rf"Therefore \boxed{{{content}}}."


def boxes(gold: str, **contents: str) -> Iterator[Hostile]:
    """One response a content."""
    for name, content in contents.items():
        yield Hostile(name, gold, boxed(content))
