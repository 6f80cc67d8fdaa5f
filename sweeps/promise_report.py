"""What a plan can show, in words: the smallest effect, seeds for a wished one, and designs that cost less."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

from harness.power import LEAST_SEEDS
from sweeps.cheaper import cheaper
from sweeps.cost_report import spent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sweeps.plan import Plan
    from sweeps.promise import Promise

    Line = tuple[str, str]


def promise_lines(plan: Plan, effect: float | None) -> Iterator[Line]:
    """Power, verdicts, and what is cheaper. ``effect``: a wished one, in the metric's unit."""
    found = plan.promise
    if found is None:
        yield "shows", "no differences: the grid has no baseline"
        return
    yield "shows", _shows(found)
    yield "noise", f"differences between paired seeds deviate by {found.noise.std:.3f}, {found.noise.source}"
    if effect is not None:
        yield "wished", _wished(found, effect)
    if found.seeds < LEAST_SEEDS:
        asked = f"SEEDS=0-{LEAST_SEEDS - 1}"
        yield "verdicts", f"exploratory: below {LEAST_SEEDS} seeds no exact test reaches p < 0.05; {asked} gives six"
    for design in cheaper(plan, effect):
        yield (
            "cheaper",
            f"{design.how}: {design.runs} runs instead of {len(plan.runs)}, {spent(plan, design.cost)} instead of "
            f"{spent(plan, plan.spent(plan.runs))}, shows {design.smallest:.3f}",
        )


def _shows(found: Promise) -> str:
    if isinf(found.smallest):
        return f"no difference in {found.metric}: one seed has no spread"
    how = f"80 % power with {found.seeds} seeds at {_level(found)}"
    return f"a {_kind(found)} of {found.smallest:.3f} in {found.metric}: {how}"


def _level(found: Promise) -> str:
    if not found.primary:
        return "0.05, exploratory"
    if found.comparisons == 1:
        return "0.05, for the one primary contrast"
    return f"0.05 / {found.comparisons}, the first step of Holm over {found.comparisons} primary contrasts"


def _kind(found: Promise) -> str:
    return "difference" if found.cells == 1 else f"main effect ({found.cells} cells on either side)"


def _wished(found: Promise, effect: float) -> str:
    needed = found.needed(effect)
    if needed is None:
        return f"no number of seeds shows {effect:g}"
    enough = "; these are enough" if needed <= found.seeds else f"; SEEDS=0-{needed - 1} asks for them"
    return f"{effect:g} takes {needed} seeds{enough}"
