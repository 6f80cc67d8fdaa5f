"""All claims of the paper, and the command that writes their verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.claims import compute_costs, judge_claims, render_takeaway_files
from analysis.paper.claims import clipping, losses, normalization, popular, recipes
from analysis.study_data import read_profiles
from analysis.tables import write_result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from analysis.claims import Claim
    from harness.records import Study
    from harness.tracking import Store


CLAIMS: Final[tuple[Claim, ...]] = (
    *normalization.CLAIMS,
    *clipping.CLAIMS,
    *losses.CLAIMS,
    *recipes.CLAIMS,
    *popular.CLAIMS,
)


STUDIES: Final = frozenset(name for claim in CLAIMS for name in claim.studies)  # grids that a claim uses


def write_takeaways(store: Store, studies: Sequence[Study], results: Path, mixed: bool = False) -> Iterator[Path]:
    """Write the takeaways of each profile that has a grid for a claim.

    The files are ``takeaways.PROFILE`` in Markdown, CSV and LaTeX.

    Args:
        store: The store of the runs.
        studies: The known studies.
        results: The results folder.
        mixed: Include studies with runs of several commits or environments.

    Yields:
        The path of each file.

    """
    for data in read_profiles(store, studies, results, STUDIES, mixed):
        for ending, content in render_takeaway_files(
            judge_claims(CLAIMS, data), compute_costs(data), data.profile
        ).items():
            yield write_result(results / "tables" / f"takeaways.{data.profile}.{ending}", content)
