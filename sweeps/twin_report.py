"""Twins and idle tricks of a plan in words: which cells cannot differ, why, and what it spares to run one of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweeps.cells import varied
from sweeps.cost_report import spent
from sweeps.phrases import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sweeps.plan import Plan

    Labels = Mapping[str, str]


def twin_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    """Classes of twins that are alike in one line each, then what becomes of them."""
    planned = [cell.labels for cell in plan.cells]
    kinds: dict[tuple[str, str], list[list[Labels]]] = {}
    for each in plan.twins:
        points = [cell.labels for cell in each.cells]
        kinds.setdefault((_alike(points, planned), "; ".join(dict.fromkeys(each.because))), []).append(points)
    for (what, why), classes in kinds.items():
        members = [point for points in classes for point in points]
        where = _where(members, planned, varied(classes[0]))
        yield "twins", f"{where}{what}{f' ({len(classes)} groups)' * (len(classes) > 1)}: {why}"
    if plan.spared:
        yield "", _spared(plan)


def inert_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the tricks that cannot act, with the number of cells and the reason."""
    found: dict[tuple[str, str], list[Labels]] = {}
    for cell in plan.cells:
        for trick, reasons in cell.config.update_rule().inert().items():
            found.setdefault((trick, "; ".join(reasons)), []).append(cell.labels)
    for (trick, why), points in found.items():
        yield "idle", f"{trick} cannot act in {count(points)}: {why}"


def _alike(points: Sequence[Labels], planned: Sequence[Labels]) -> str:
    """``reward_scale cannot matter``, or which labels are alike where others on the axis are not."""
    axes = varied(points)
    taken = [dict.fromkeys(point[axis] for point in points) for axis in axes]
    known = [{point[axis] for point in planned} for axis in axes]
    if all(len(labels) == len(all_labels) for labels, all_labels in zip(taken, known, strict=True)):
        return f"{' and '.join(axes)} cannot matter"
    return f"{' = '.join(' '.join(point[axis] for axis in axes) for point in points)} on {' and '.join(axes)}"


def _where(points: Sequence[Labels], planned: Sequence[Labels], but: Sequence[str]) -> str:
    """The labels that the points have on axes where the plan has more."""
    parts = []
    for axis in varied(planned):
        labels = dict.fromkeys(point[axis] for point in points)
        if axis not in but and len(labels) < len({point[axis] for point in planned}):
            parts.append(f"{axis}={','.join(labels)}")
    return f"{' '.join(parts)}: " if parts else ""


def _spared(plan: Plan) -> str:
    cost = spent(plan, plan.spent(plan.spared))
    runs = f"{len(plan.spared)} run{'s' * (len(plan.spared) > 1)}, {cost} of runs"
    if plan.once:
        return f"each class runs once, which spares {runs}; TWINS=keep runs all"
    return f"kept as a control, for what lies between twins is rounding; TWINS=once spares {runs}"
