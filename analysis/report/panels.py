"""The panels of a figure: each holds a baseline and a limited number of its arms."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from analysis.study.layout import find_baselines, find_varied_axes, format_labels
from harness.records.record import CONTROL_AXIS, CONTROL_OFF

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from harness.records.record import Study

ARMS: Final = 5  # arms per panel; more are hard to distinguish
COLORS: Final = 7  # colors of arms; baselines have another one
DASHES: Final = 4


@dataclass(frozen=True, slots=True)
class PanelArm:
    """A cell in a panel. Its color and dash depend on its name and are the same in all panels."""

    cell: int
    name: str
    color: int  # 0: a baseline
    dash: int


@dataclass(frozen=True, slots=True)
class PanelGroup:
    """A panel: its setting in words, and its arms with the baseline first."""

    title: str
    arms: tuple[PanelArm, ...]
    control: bool = False


def group_arms(study: Study, ran: Collection[int]) -> tuple[PanelGroup, ...]:
    """Return the panels of a study for cells in ``ran``, in grid order.

    Panels without an arm are left out.
    """
    back = find_baselines(study)
    names = {cell: _arm(study, cell) for cell in range(len(study.cells))}
    plain = [cell for cell, labels in enumerate(study.cells) if labels.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF]
    looks = _looks([names[cell] for cell in plain if back.get(cell) != cell])
    found: list[PanelGroup] = []
    for title, cells in _settings(study).items():
        bases = [cell for cell in cells if back.get(cell) == cell]
        first = [PanelArm(cell, names[cell], 0, 0) for cell in bases if cell in ran]
        rest = [PanelArm(cell, names[cell], *looks[names[cell]]) for cell in cells if cell not in bases and cell in ran]
        found += [PanelGroup(title, (*first, *part)) for part in _parts(rest) if (*first, *part)]
    return (*found, *_controls(study, ran, back, names))


def _settings(study: Study) -> dict[str, list[int]]:
    """Return the cells of each setting, without controls."""
    inside = [
        axis for axis in find_varied_axes(study, study.cells) if axis not in study.baseline and axis != CONTROL_AXIS
    ]
    outside = inside if study.baseline else []
    settings: dict[str, list[int]] = {}
    for cell, labels in enumerate(study.cells):
        if labels.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF:
            settings.setdefault(format_labels({axis: labels[axis] for axis in outside}), []).append(cell)
    return settings


def _controls(
    study: Study, ran: Collection[int], back: Mapping[int, int], names: Mapping[int, str]
) -> Iterator[PanelGroup]:
    """Yield one panel per control, with the cell that it should differ from."""
    axes = [axis for axis in find_varied_axes(study, study.cells) if axis != CONTROL_AXIS]
    for cell, labels in enumerate(study.cells):
        if labels.get(CONTROL_AXIS, CONTROL_OFF) != CONTROL_OFF and cell in ran:
            base = [PanelArm(back[cell], names[back[cell]], 0, 0)] if back.get(cell) in ran else []
            where = format_labels({axis: labels[axis] for axis in axes})
            title = f"control {labels[CONTROL_AXIS]}: {where}" if where else f"control {labels[CONTROL_AXIS]}"
            yield PanelGroup(title, (*base, PanelArm(cell, labels[CONTROL_AXIS], 1, 1)), control=True)


def _arm(study: Study, cell: int) -> str:
    """Return the labels of a cell on the baseline's axes, or on all varied axes without one."""
    axes = [axis for axis in find_varied_axes(study, study.cells) if axis != CONTROL_AXIS]
    chosen = [axis for axis in axes if axis in study.baseline] or axes
    return ", ".join(study.cells[cell][axis] for axis in chosen) or study.name


def _looks(names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return the color and dash of each name. The first 28 names have distinct pairs."""
    distinct = dict.fromkeys(names)
    return {name: (1 + place % COLORS, (place + place // COLORS) % DASHES) for place, name in enumerate(distinct)}


def _parts(arms: Sequence[PanelArm]) -> Iterator[Sequence[PanelArm]]:
    """Return the arms, spread evenly over as few panels as possible; one part without arms."""
    count = max(1, ceil(len(arms) / ARMS))
    size = max(1, ceil(len(arms) / count))
    return (arms[start : start + size] for start in range(0, max(len(arms), 1), size))
