"""What a plan can show, in words: the smallest effect, seeds for a wished one, and designs that cost less."""

from __future__ import annotations

import shlex
from math import ceil, isinf
from typing import TYPE_CHECKING, Final

from harness.power import LEAST_SEEDS
from sweeps.cheaper import cheaper
from sweeps.cost_report import spent
from sweeps.library import names
from sweeps.noise import LEAST_PAIRS
from sweeps.promise import contrasts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sweeps.plan import Plan
    from sweeps.promise import Promise

    Line = tuple[str, str]


LOST: Final = (
    "a run that fails for a reason of its arm is the worst outcome of its pair, in an exact test of signed ranks; a "
    "run lost for a reason outside (node, disk, kill) is missing (docs/calibration.md)"
)


def promise_lines(plan: Plan, effect: float | None) -> Iterator[Line]:
    """Power, verdicts, and what is cheaper. ``effect``: a wished one, in the metric's unit."""
    found = plan.promise
    if found is None:
        yield "shows", "no differences: the grid has no baseline"
        return
    yield "shows", _shows(found)
    yield "noise", _noise(plan, found)
    if effect is not None:
        yield "wished", _wished(found, effect)
    if plan.grid.margin is not None:
        yield "margin", _margin(found, plan.grid.margin)
    if found.seeds < LEAST_SEEDS:
        asked = f"SEEDS=0-{LEAST_SEEDS - 1}"
        yield "verdicts", f"exploratory: below {LEAST_SEEDS} seeds no exact test reaches p < 0.05; {asked} gives six"
    yield "failures", LOST
    for design in cheaper(plan, effect):
        shows = f"shows {_number(design.smallest)}" if found.noise.known else "shows as much"
        yield (
            "cheaper",
            f"{design.how}: {design.runs} runs instead of {len(plan.runs)}, {spent(plan, design.cost)} instead of "
            f"{spent(plan, plan.spent(plan.runs))}, {shows}",
        )


def _shows(found: Promise) -> str:
    if isinf(found.smallest):
        return f"no difference in {found.metric}: one seed has no spread"
    how = f"80 % power with {found.seeds} seeds at {_level(found)}"
    if not found.noise.known:
        return f"a {_kind(found)} in {found.metric} of a size that is not known before its noise is recorded: {how}"
    return f"a {_kind(found)} of {_number(found.smallest)} in {found.metric}: {how}"


def _noise(plan: Plan, found: Promise) -> str:
    if found.noise.known:
        return f"differences between paired seeds deviate by {_number(found.noise.std)}, {found.noise.source}"
    return f"{found.noise.source}: too few to tell; `{_record(plan)}` records enough, and the next plan tells"


def _record(plan: Plan) -> str:
    """Return the command whose runs have LEAST_PAIRS degrees of freedom."""
    grid, cells = plan.grid, [cell.labels for cell in plan.cells]
    pairs = len(contrasts(grid, cells)) if grid.baseline else len(cells) - 1
    most = max(ceil(LEAST_PAIRS / max(pairs, 1)), 1)
    if grid.words:
        profile = ["--profile", grid.profile] if grid.profile != "laptop" else []
        return shlex.join(["liteppo", "sweep", *grid.words, *profile, "--seeds", f"0-{most}"])
    name = grid.name if grid.name in names() else f"PATH/{grid.name}.yaml"
    words = ["make sweep", f"GRID={name}", f"PROFILE={grid.profile}" * (grid.profile != "laptop"), f"SEEDS=0-{most}"]
    return " ".join(filter(None, words))


def _margin(found: Promise, margin: float) -> str:
    unit = f"±{margin:g}, in the unit of {found.metric}"
    if not found.noise.known:
        return f"{unit}, whose noise is not known"
    if found.seeds > 1 and margin <= found.least_margin:
        least = _number(found.least_margin)
        return f"{unit}: too small for {found.seeds} seeds, which call equal arms equivalent above {least}"
    return unit


def _number(value: float) -> str:
    """Write shares with three decimals, and what is much smaller or larger with three digits that count."""
    if value == 0 or 0.01 <= abs(value) < 100:
        return f"{value:.3f}"
    return f"{value:.3g}" if abs(value) < 0.01 else f"{value:,.0f}"


def _level(found: Promise) -> str:
    if not found.primary:
        return "0.05, exploratory"
    if found.comparisons == 1:
        return "0.05, for the one primary contrast"
    return f"0.05 / {found.comparisons}, the first step of Holm over {found.comparisons} primary contrasts"


def _kind(found: Promise) -> str:
    return "difference" if found.cells == 1 else f"main effect ({found.cells} cells on either side)"


def _wished(found: Promise, effect: float) -> str:
    if not found.noise.known:
        return f"{effect:g} in {found.metric}: its seeds are not known before its noise is recorded"
    needed = found.needed(effect)
    if needed is None:
        return f"no number of seeds shows {effect:g}"
    enough = "; these are enough" if needed <= found.seeds else f"; SEEDS=0-{needed - 1} asks for them"
    return f"{effect:g} takes {needed} seeds{enough}"
