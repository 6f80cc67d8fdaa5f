"""Layout of a figure of the paper: settings, panels and columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from matplotlib.axes import Axes

from analysis.figures.study import COLORS, DASHES, MARKERS, FigureArm
from analysis.paper.numbers import ARMS, MODELS, Reading
from analysis.study.layout import find_varied_axes
from analysis.study_data import StudyData
from harness.records.record import CONTROL_AXIS, CONTROL_OFF

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class LegendKey:
    """A legend of patches."""

    title: str
    colors: Mapping[str, str]  # label -> color


@dataclass(frozen=True, slots=True)
class PanelColumn:
    """A column of panels; ``draw`` fills the axes of one setting."""

    title: str
    draw: Callable[[Axes, Setting], None]
    width: float = 3.0  # relative
    named: bool = False  # its panels name the arms, so that no legend is needed
    beneath: str = ""  # label below the last panel
    told: str = ""  # how to read it
    key: LegendKey | None = None  # its legend, in place of that of the arms


class PaperPanel(Protocol):
    """A kind of panel."""

    def strips(self, view: View) -> tuple[PanelColumn, ...]:
        """Return one or more columns of panels for the settings of a part."""
        ...


@dataclass(frozen=True, slots=True)
class FigurePart:
    """A part of a figure: its cells, its axes and its panels."""

    rows: tuple[str, ...]  # axes that distinguish settings
    arms: tuple[str, ...]  # axes that distinguish arms
    panels: tuple[PaperPanel, ...]
    only: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # axis -> allowed labels; ignored in a study without the axis
    title: str = ""
    height: float = 2.2  # inches per row


_PLAIN: Final = ("model", "difficulty")  # axes whose labels need no axis name


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of panels: the cells that differ only in their arm."""

    labels: Mapping[str, str]
    source: StudyData
    arms: Mapping[str, int]  # arm -> cell

    @property
    def name(self) -> str:
        """The name of the setting, such as ``small_base, hard``."""
        return ", ".join(
            label if axis in _PLAIN else f"{axis} = {label}" for axis, label in self.labels.items()
        ) or str(self.source.study.name)

    @property
    def ran(self) -> bool:
        """True if any arm has a finished run."""
        return any(self.source.run_ids(cell) for cell in self.arms.values())

    def wanted(self, arm: str = "") -> dict[str, str]:
        """Return the setting in the paper's terms, to look up its numbers.

        A part that our grid does not define is empty, and only matches numbers that leave it open.
        """
        model = self.source.study.cells[next(iter(self.arms.values()))].get("model", "")
        return {
            "model": MODELS.get(model, model),
            "data": self.labels.get("difficulty", ""),
            "arm": ARMS.get(arm, arm),
            "benchmark": "",
        }


@dataclass(frozen=True, slots=True)
class View:
    """A part of a figure with its available settings."""

    part: FigurePart
    settings: tuple[Setting, ...]
    looks: Mapping[str, FigureArm]
    readings: tuple[Reading, ...]

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the axes that distinguish arms and occur in a study."""
        known = {axis for setting in self.settings for axis in setting.source.study.axes}
        return tuple(axis for axis in self.part.arms if axis in known)

    def reading(self, setting: Setting, quantity: str, arm: str = "", benchmark: str = "") -> Reading | None:
        """Return the paper's number; None if there is none.

        Args:
            setting: The setting.
            quantity: The quantity, such as "final".
            arm: The arm; empty for none.
            benchmark: The benchmark; empty for none.

        """
        wanted = {**setting.wanted(arm), "benchmark": benchmark, "quantity": quantity}
        return next((reading for reading in self.readings if reading.fits(wanted)), None)


def build_view(part: FigurePart, sources: Sequence[StudyData], readings: tuple[Reading, ...]) -> View:
    """Return a part of a figure with the cells of the sources.

    If two sources have a setting, the first that ran it is used.

    Args:
        part: The part.
        sources: The studies, in order of preference.
        readings: The numbers of the paper.

    """
    chosen: dict[tuple[str, ...], Setting] = {}
    for setting in (setting for source in sources for setting in _settings(part, source)):
        key = tuple(setting.labels.values())
        if key not in chosen or (setting.ran and not chosen[key].ran):
            chosen[key] = setting
    arms = dict.fromkeys(arm for setting in chosen.values() for arm in setting.arms)
    return View(part, tuple(chosen.values()), _looks(arms), readings)


def _settings(part: FigurePart, source: StudyData) -> Iterator[Setting]:
    cells = {
        cell: labels
        for cell, labels in enumerate(source.study.cells)
        if labels.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF
        and all(labels.get(axis) in {None, *only} for axis, only in part.only.items())
    }
    others = [
        axis for axis in find_varied_axes(source.study, list(cells.values())) if axis not in {*part.rows, *part.arms}
    ]
    axes = [axis for axis in (*part.rows, *others) if axis in source.study.axes and axis != CONTROL_AXIS]
    found: dict[tuple[str, ...], dict[str, int]] = {}
    for cell, labels in cells.items():
        arm = ", ".join(labels[axis] for axis in part.arms if axis in labels) or source.study.name
        found.setdefault(tuple(labels[axis] for axis in axes), {})[arm] = cell
    for names, arms in found.items():
        yield Setting(dict(zip(axes, names, strict=True)), source, arms)


def _looks(names: Iterable[str]) -> dict[str, FigureArm]:
    return {
        name: FigureArm(name, COLORS[place % 8], MARKERS[place % 8], DASHES[(place + place // 8) % 4])
        for place, name in enumerate(names)
    }
