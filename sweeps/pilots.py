"""Other studies of the store under the same profile: what their runs took, and how noisy they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sweeps.noise import Pilot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.store import Store
    from sweeps.grid import Grid

ENOUGH: Final = 400  # records; more would make a plan slow and its numbers no better


def pilots(store: Store, grid: Grid) -> Iterator[Pilot]:
    """Studies of the same metric first, until there are enough runs."""
    studies = [study for study in store.studies() if study.profile == grid.profile and study.name != grid.name]
    left = ENOUGH
    for study in sorted(studies, key=lambda study: study.metric != grid.metric):
        here = [record for record in store.records(study.name) if record.cell_id in {*study.cell_ids}][: max(left, 0)]
        left -= len(here)
        if here:
            yield Pilot(study.name, study.baseline, here)
        if left <= 0:
            return
