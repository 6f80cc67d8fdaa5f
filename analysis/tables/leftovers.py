"""Tables and figures of earlier commands without a study in the store.

They are listed, and never deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.records.verifier_audit import AUDIT_NAME as VERIFIER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_ENDINGS: Final = frozenset({".md", ".csv", ".tex", ".svg", ".png"})
_OTHERS: Final = (VERIFIER, "replay", "difficulty", "guide")  # name prefixes of the files of other commands


def find_leftovers(folder: Path, written: Collection[Path]) -> list[str]:
    """Return the names of files in ``folder`` that the current command did not write.

    Args:
        folder: The user's own tables or figures.
        written: The files written by this command, which covered all studies of the store.

    Returns:
        Names in order, without the files of other commands.

    """
    names = {path.name for path in written}
    return sorted(name for name in _results(folder) if name not in names)


def describe_leftovers(folder: Path, written: Collection[Path]) -> str | None:
    """Return a line that lists the leftovers of a folder; None if there are none."""
    found = find_leftovers(folder, written)
    if not found:
        return None
    files = "1 file" if len(found) == 1 else f"{len(found)} files"
    return f"{folder}: {files} of runs that are not in this store; delete those you do not need: {', '.join(found)}"


def _results(folder: Path) -> Iterator[str]:
    for path in folder.iterdir() if folder.is_dir() else ():
        hidden = path.name.startswith(".")
        if path.suffix in _ENDINGS and path.name.partition(".")[0] not in _OTHERS and not hidden:
            yield path.name
