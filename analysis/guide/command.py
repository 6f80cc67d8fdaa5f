"""``make guide``: one case for the terminal, or the decision table of every profile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from analysis.guide.advice import advise
from analysis.guide.scenario import scenario
from analysis.guide.table import guide_table
from analysis.guide.terminal import terminal
from analysis.output import write
from analysis.render import markdown
from analysis.takeaways.catalog import CLAIMS
from analysis.takeaways.command import STUDIES
from analysis.takeaways.cost import costs
from analysis.takeaways.gather import gather
from analysis.takeaways.judge import findings
from analysis.takeaways.measured import Shelf
from analysis.takeaways.numbers import ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from analysis.guide.advice import Advice
    from analysis.guide.scenario import Scenario
    from harness.store import Store

CASE: Final = ("model", "length", "rewards", "aligned", "budget")  # words that name a case
LAPTOP: Final = "laptop"


def guide(store: Store, results: Path, options: Mapping[str, str], mixed: bool = False) -> str:
    """The answer to the case, or the paths of the tables where none is named. Raises ScenarioError."""
    studies = store.studies()
    shelves = {shelf.profile: shelf for shelf in gather(store, studies, results, STUDIES, mixed)}
    if not any(name in options for name in CASE):
        return "\n".join(str(path) for path in _tables(shelves, results, options.get("profile")))
    case = scenario(options, sorted(shelves))
    shelf = shelves.get(case.profile, Shelf(case.profile, {}, {}))
    return terminal(case, _answers(case, shelf), list(_costs(case, shelf)), _tiny(case, shelves))


def _answers(case: Scenario, shelf: Shelf) -> tuple[Advice, ...]:
    return advise(case, findings(CLAIMS, shelf), shelf)


def _tiny(case: Scenario, shelves: Mapping[str, Shelf]) -> tuple[Advice, ...]:
    if case.profile == LAPTOP or LAPTOP not in shelves:
        return ()
    return _answers(replace(case, profile=LAPTOP, hours=None), shelves[LAPTOP])


def _tables(shelves: Mapping[str, Shelf], results: Path, profile: str | None) -> Iterator[Path]:
    for shelf in shelves.values() or (Shelf(profile or LAPTOP, {}, {}),):
        if profile in {None, shelf.profile}:
            table = guide_table(findings(CLAIMS, shelf), shelf)
            yield write(results / "tables" / f"{table.name}.md", markdown(table).encode())


def _costs(case: Scenario, shelf: Shelf) -> Iterator[str]:
    """Measured costs for the case's model: ``liteppo   seconds 1.02 [1.00, 1.04] (6), tokens ...``."""
    for cost in costs(shelf):
        if cost.role == case.role and cost.seconds_ratio is not None:
            yield f"{cost.recipe:8} {cost.tier:6} seconds {ratio(cost.seconds_ratio)}"
            if cost.tokens_ratio is not None:
                yield f"{'':15} tokens {ratio(cost.tokens_ratio)}"
