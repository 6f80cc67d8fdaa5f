"""A figure or table of the paper as data: grids, layout, statement and content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from matplotlib.axes import Axes

from analysis.figures import COLORS, DASHES, MARKERS, FigureArm
from analysis.paper.numbers import ARMS, MODELS, Reading
from analysis.study import find_varied_axes, sort_key
from analysis.study_data import StudyData
from analysis.tables import Column, Entry, MissingScore
from harness.records import CONTROL_AXIS, CONTROL_OFF

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


BASIS: Final = (
    Column("paper precision", "the paper: precision", "mark"),
    Column("paper source", "the paper: source", "mark"),
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity of the paper that has a column."""

    name: str
    title: str
    benchmark: str = ""


NO_NUMBER: Final = Quantity("", "the paper")  # for figures whose numbers cannot be recovered


@dataclass(frozen=True, slots=True)
class TablePlace:
    """A cell and its position in the figure."""

    view: View
    setting: Setting
    arm: str
    cell: int

    def reading(self, quantity: str, benchmark: str = "") -> Reading | None:
        """Return the paper's number for the cell; None if there is none."""
        return self.view.reading(self.setting, quantity, self.arm, benchmark)


@dataclass(frozen=True, slots=True)
class ContentRow:
    """A row: our entries, and the paper's number for each of its columns."""

    ours: tuple[Entry, ...]
    paper: tuple[Reading | None, ...] = (None,)


@dataclass(frozen=True, slots=True)
class Content:
    """Columns, rows and notes of a table, and the numbers of the paper that it contains."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]
    quantities: frozenset[str]  # quantities of the paper that have a column
    placed: frozenset[Reading]
    notes: tuple[str, ...] = ()


def build_content(
    ours: Iterable[Column],
    paper: Sequence[Quantity],
    lines: Iterable[ContentRow],
    *notes: str,
    quantities: Iterable[str] = (),
) -> Content:
    """Return a table with the paper's columns to the right of ours.

    Args:
        ours: Our columns.
        paper: The quantities of the paper, one for each of its columns.
        lines: The rows.
        notes: Notes on the columns.
        quantities: Names of the quantities in the table; by default those of ``paper``.

    """
    kept = tuple(lines)
    block = [Column(f"paper {each.name}".strip(), each.title, "number") for each in paper]
    return Content(
        (*ours, *block, *BASIS),
        tuple((*line.ours, *_block(line.paper)) for line in kept),
        frozenset(quantities) or frozenset(each.name for each in paper),
        frozenset(reading for line in kept for reading in line.paper if reading),
        notes,
    )


def _block(found: Sequence[Reading | None]) -> tuple[Entry, ...]:
    known = [reading for reading in found if reading]
    precision = "; ".join(dict.fromkeys(reading.precision for reading in known))
    source = "; ".join(dict.fromkeys(reading.source for reading in known))
    return (
        *(reading.text if reading else MissingScore() for reading in found),
        precision or MissingScore(),
        source or MissingScore(),
    )


def list_places(views: Sequence[View]) -> list[TablePlace]:
    """Return every cell of the figure once, in the order of the grids."""
    found: dict[tuple[str, tuple[int, ...]], TablePlace] = {}
    for view in views:
        for setting in view.settings:
            for arm, cell in setting.arms.items():
                study = setting.source.study
                found.setdefault((study.name, sort_key(study, study.cells[cell])), TablePlace(view, setting, arm, cell))
    grids = list(dict.fromkeys(name for name, _ in found))
    return [found[key] for key in sorted(found, key=lambda key: (grids.index(key[0]), key[1]))]


def label_axes(views: Sequence[View]) -> list[str]:
    """Return the axes that identify a cell, in the order of the parts."""
    named = (axis for view in views for setting in view.settings for axis in (*setting.labels, *view.axes))
    return list(dict.fromkeys(named))


def label_columns(axes: Sequence[str], *more: str) -> list[Column]:
    """Return the columns of the axes, followed by further columns of words."""
    return [Column(name, name, "label") for name in (*axes, *more)]


def label_entries(axes: Sequence[str], place: TablePlace) -> tuple[str, ...]:
    """Return the labels of a cell on the axes; empty where it has none."""
    known = place.setting.source.study.cells[place.cell]
    return tuple(known.get(axis, "") for axis in axes)


class Rows(Protocol):
    """A kind of table."""

    def content(self, views: Sequence[View]) -> Content:
        """Return our numbers, followed by the paper's in separate columns."""
        ...


@dataclass(frozen=True, slots=True)
class PaperFigure:
    """A figure or a table of arXiv:2508.08221."""

    id: str  # name of its files
    number: str  # in the paper (V3)
    title: str
    states: str  # what the paper states there, in our words
    silent: str  # what the paper does not state
    grids: tuple[str, ...]  # if two have a setting, the first that ran it is used
    parts: tuple[FigurePart, ...]
    rows: Rows
    readings: tuple[str, ...] = ()  # figures whose numbers are shown with ours; by default this one
    notes: tuple[str, ...] = ()
    benchmark: str | None = None  # the only benchmark of the paper's numbers; None: all
