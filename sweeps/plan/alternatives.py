"""Suggest cheaper designs with the same power."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isinf, nan, prod
from typing import TYPE_CHECKING, Final

from harness.records import CONTROL_AXIS, CONTROL_OFF, LEAST_SEEDS
from sweeps.plan.power import PowerAnalysis, find_baseline_labels, find_planned_contrasts, is_primary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sweeps.plan.plan import Plan

    Labels = Mapping[str, str]

_RUNS: Final = {4: 8, 5: 16, 6: 16, 7: 16, 8: 16}  # two-level factors -> runs at resolution IV or higher


@dataclass(frozen=True, slots=True)
class AlternativeDesign:
    """Another design that answers the question."""

    how: str  # description; an option of the command where there is one
    runs: int
    cost: float  # GPU-seconds or seconds, as Plan.spent
    smallest: float  # smallest detectable effect


def alternative_designs(plan: Plan, effect: float | None) -> list[AlternativeDesign]:
    """Return designs that cost less than the plan and detect as small an effect, or ``effect``.

    Where the noise is not known, designs are compared in units of it: those with the same power are still found, with
    nan as their smallest effect.
    """
    found = plan.promise
    if found is None or isinf(found.smallest):
        return []
    if not found.noise.known:
        shown = _cheaper(plan, replace(found, noise=replace(found.noise, std=1.0)), None)
        return [replace(design, smallest=nan) for design in shown]
    return _cheaper(plan, found, effect)


def _cheaper(plan: Plan, found: PowerAnalysis, effect: float | None) -> list[AlternativeDesign]:
    wished = found.smallest if effect is None else max(effect, found.smallest)
    designs = [*_twins(plan, found), *_seeds(plan, found, effect), *_primary(plan, found), *_fraction(plan, found)]
    return [each for each in designs if each.smallest <= wished * (1 + 1e-9) and each.cost < plan.spent(plan.runs)]


def _twins(plan: Plan, found: PowerAnalysis) -> Iterator[AlternativeDesign]:
    if plan.spared and not plan.once:
        runs = len(plan.runs) - len(plan.spared)
        yield AlternativeDesign("TWINS=once", runs, plan.spent(plan.runs) - plan.spent(plan.spared), found.smallest)


def _seeds(plan: Plan, found: PowerAnalysis, effect: float | None) -> Iterator[AlternativeDesign]:
    needed = found.needed(effect) if effect else None
    if needed and LEAST_SEEDS <= needed < found.seeds:
        share = needed / found.seeds
        fewer = found.with_seeds(needed)
        yield AlternativeDesign(
            f"SEEDS=0-{needed - 1}", round(share * len(plan.runs)), share * plan.spent(plan.runs), fewer.smallest
        )


def _primary(plan: Plan, found: PowerAnalysis) -> Iterator[AlternativeDesign]:
    """Yield the design with only the declared contrasts, the controls, and their baselines."""
    cells = [cell.labels for cell in plan.cells]
    arms = [arm for arm in find_planned_contrasts(plan.grid, cells) if is_primary(plan.grid, arm)]
    controls = [cell for cell in cells if cell.get(CONTROL_AXIS, CONTROL_OFF) != CONTROL_OFF]
    sides = [*arms, *(find_baseline_labels(plan.grid, arm) for arm in arms), *controls]
    wanted = {
        frozenset(labels.items())
        for labels in (*sides, *({**labels, CONTROL_AXIS: CONTROL_OFF} for labels in controls))
    }
    ids = {cell.cell_id for cell in plan.cells if frozenset(cell.labels.items()) in wanted}
    runs = tuple(run for run in plan.runs if run.cell_id in ids)
    if arms and found.primary and len(runs) < len(plan.runs):
        yield AlternativeDesign("without cells outside the primary family", len(runs), plan.spent(runs), found.smallest)


def _fraction(plan: Plan, found: PowerAnalysis) -> Iterator[AlternativeDesign]:
    """Yield a regular fraction of a full two-level factorial; main effects compare its halves."""
    cells = [cell.labels for cell in plan.cells if cell.labels.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF]
    varied = {axis: len({cell[axis] for cell in cells}) for axis in plan.grid.axes if axis != CONTROL_AXIS}
    factors = sum(labels == 2 for labels in varied.values())
    crossed = len(cells) == prod(varied.values())
    if plan.grid.fraction or not crossed or factors not in _RUNS:
        return
    share = _RUNS[factors] / 2**factors
    size = round(share * len(cells))
    read = PowerAnalysis(found.metric, factors, True, size // 2, found.seeds, found.noise)
    how = f"{size} cells, a fraction of the {factors} two-level axes (as in screening), for main effects"
    yield AlternativeDesign(how, size * found.seeds, share * plan.spent(plan.runs), read.smallest)
