"""A part of a figure: rows of panels, one a setting, in each of them the same arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from analysis.paper.settings import View
    from analysis.paper.strip import Strip


class Panel(Protocol):
    """A kind of drawing."""

    def strips(self, view: View) -> tuple[Strip, ...]:
        """One or more columns of panels for the settings of a part."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """Which cells are drawn, what sets them apart, and how they are drawn."""

    rows: tuple[str, ...]  # axes that set settings apart
    arms: tuple[str, ...]  # axes that set arms apart
    panels: tuple[Panel, ...]
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # axis -> labels; a study without it has all
    title: str = ""
    height: float = 2.2  # inches a row
