"""Write the takeaways of every profile that has runs for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.output import write
from analysis.takeaways.catalog import CLAIMS
from analysis.takeaways.cost import costs
from analysis.takeaways.files import files
from analysis.takeaways.gather import gather
from analysis.takeaways.judge import findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.records import Study
    from harness.store import Store

STUDIES: Final = frozenset(name for claim in CLAIMS for name in claim.studies)  # grids that some claim reads


def write_takeaways(store: Store, studies: Sequence[Study], results: Path, mixed: bool = False) -> Iterator[Path]:
    """``takeaways.PROFILE.md``, ``.csv`` and ``.tex`` for each profile; nothing where no claim's grid was planned."""
    for shelf in gather(store, studies, results, STUDIES, mixed):
        for ending, content in files(findings(CLAIMS, shelf), costs(shelf), shelf.profile).items():
            yield write(results / "tables" / f"takeaways.{shelf.profile}.{ending}", content)
