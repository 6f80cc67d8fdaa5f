"""Take from the store what claims are judged on."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from analysis.frame import planned, runs_frame
from analysis.mixture import mixture
from analysis.takeaways.measured import Material, Shelf

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from harness.records import Study
    from harness.store import Store


def gather(
    store: Store, studies: Sequence[Study], results: Path, names: Collection[str], mixed: bool = False
) -> tuple[Shelf, ...]:
    """A shelf for each profile among the studies with these names.

    ``mixed`` takes studies whose runs are of several commits or environments too.
    """
    wanted = [study for study in studies if study.name in names]
    profiles = sorted({study.profile for study in wanted})
    return tuple(
        _shelf(store, [study for study in wanted if study.profile == profile], results, profile, mixed)
        for profile in profiles
    )


def _shelf(store: Store, studies: Sequence[Study], results: Path, profile: str, mixed: bool) -> Shelf:
    materials, refused = {}, {}
    for study in studies:
        runs = runs_frame(store.records(study.name))
        if (reason := mixture(study, runs)) and not mixed:
            refused[study.name] = reason
            continue
        history = cache(partial(store.history, study.name))
        links = store.links(study.name)
        materials[study.name] = Material(study, planned(runs, study), history, results / "runs", links)
    return Shelf(profile, materials, refused)
