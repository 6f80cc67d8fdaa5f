"""A column of panels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from matplotlib.axes import Axes

from analysis.paper.settings import Setting


@dataclass(frozen=True, slots=True)
class Key:
    """A legend of patches."""

    title: str
    colours: Mapping[str, str]  # label -> colour


@dataclass(frozen=True, slots=True)
class Strip:
    """A column of panels; ``draw`` fills the axes of one setting."""

    title: str
    draw: Callable[[Axes, Setting], None]
    width: float = 3.0  # relative
    named: bool = False  # whether its panels name the arms, so that no legend is needed
    beneath: str = ""  # under the last panel
    told: str = ""  # how to read it
    key: Key | None = None  # its own legend, in place of the arms
