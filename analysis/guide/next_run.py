"""What to run to become surer: a command with as many seeds as it takes, and what a budget buys of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.frame import finished
from harness.power import ALPHA, LEAST_SEEDS, detectable, seeds_needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.guide.rules import Rule
    from analysis.takeaways.finding import PartFinding
    from analysis.takeaways.measured import Shelf

SETTLED: Final = ("supported", "contradicted", "equivalent")


@dataclass(frozen=True, slots=True)
class Next:
    """A proposal."""

    command: str  # or why none is needed
    budget: str = ""


def next_run(rule: Rule, role: str, parts: Sequence[PartFinding], shelf: Shelf, hours: float | None) -> Next:
    """The grid of the rule, with the seeds that show an effect of its margin with 80 % power in every part."""
    ran = [part for part in parts if part.word != "no runs"]
    budget = "" if hours is None else _budget(rule, ran, shelf, hours)
    if ran and all(part.word in SETTLED for part in ran):
        return Next("nothing: these runs have settled it", budget)
    seeds = max([LEAST_SEEDS, *(needed for part in ran if (needed := _needed(part)))])
    had = max((len(part.seeds) for part in ran), default=0)
    if ran and seeds <= had:  # an effect near the margin: as many again
        seeds = 2 * had
    if f"{shelf.profile} {role}" in rule.absent:
        return Next(f"first add this case to the axes of sweeps/grids/{rule.grid}.yaml (docs/grids.md)", budget)
    words = [f"make sweep GRID={rule.grid}", f"PROFILE={shelf.profile}" * (shelf.profile != "laptop")]
    words += ["FULL=1" * (shelf.profile == "laptop" and role.startswith("large")), f"SEEDS=0-{seeds - 1}"]
    return Next(" ".join(filter(None, words)), budget)


def _needed(part: PartFinding) -> int | None:
    """Seeds that find a true effect of the margin at the family's level; None where the spread is not known."""
    if not part.std or not part.margin or part.ratio:
        return None
    try:
        return seeds_needed(part.margin, part.std, ALPHA / max(part.tests, 1))
    except ValueError:  # no number of seeds does
        return None


def _budget(rule: Rule, ran: Sequence[PartFinding], shelf: Shelf, hours: float) -> str:
    seconds = _seconds(rule, ran, shelf)
    if seconds is None:
        return f"no run here prices it; `make plan GRID={rule.grid}` does"
    seeds = int(hours * 3600 / seconds)
    if seeds < 2:
        return f"{hours:g} h buy {seeds} seed{'s' * (seeds != 1)}: none to compare"
    shows = max(detectable(part.std, seeds, ALPHA / max(part.tests, 1)) for part in ran if part.std is not None)
    few = f", fewer than the {LEAST_SEEDS} of a verdict" if seeds < LEAST_SEEDS else ""
    return f"{hours:g} h buy {seeds} seeds of these cells{few}: they show {shows:.2g} with 80 % power"


def _seconds(rule: Rule, ran: Sequence[PartFinding], shelf: Shelf) -> float | None:
    """What one seed of all cells of the parts costs: of the processor on a laptop, else on the clock."""
    if rule.grid not in shelf.materials or not any(part.std is not None for part in ran):
        return None
    study, taken = shelf.materials[rule.grid].study, finished(shelf.materials[rule.grid].taken)
    wanted = {frozenset(labels.items()) for part in ran for labels in part.cells}
    cells = [cell for cell, labels in enumerate(study.cells) if frozenset(labels.items()) in wanted]
    column = "cpu_seconds" if shelf.profile == "laptop" else "wall_seconds"
    return float(taken[taken["cell"].isin(cells)].groupby("cell")[column].mean().sum()) or None
