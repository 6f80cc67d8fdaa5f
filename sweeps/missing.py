"""What of the runs that have ended is not where it belongs, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.store_errors import REPAIR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Missing:
    """Run ids, at the end of a sweep."""

    waiting: frozenset[str] = frozenset()  # MLflow lacks their records, the disk has them
    unwritten: frozenset[str] = frozenset()  # the disk lacks them too
    bare: frozenset[str] = frozenset()  # their records are somewhere, their files are not in results/runs

    def __bool__(self) -> bool:
        return bool(self.waiting or self.unwritten or self.bare)

    def lines(self, results: Path, command: str) -> Iterator[str]:
        """It in words. ``command``: what goes on with the sweep."""
        if self.waiting:
            repair = REPAIR.replace("results", str(results))
            yield (
                f"{len(self.waiting)} runs are not in MLflow yet; they wait in {results}, and the next sweep or "
                f"`{repair}` sends them"
            )
        if self.unwritten:
            yield (
                f"{len(self.unwritten)} runs are neither in MLflow nor on disk: {_listed(self.unwritten)}; free some "
                f"space in {results} and make them again with the same command: {command}"
            )
        if self.bare:
            yield (
                f"{len(self.bare)} runs have a record, but {results}/runs did not take their files, which some tables "
                f"and figures read: {_listed(self.bare)}; to have them, free some space, delete these runs in MLflow "
                f"and make them again with the same command: {command}"
            )


def _listed(run_ids: frozenset[str]) -> str:
    return ", ".join(sorted(run_ids))
