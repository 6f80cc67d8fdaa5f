"""A folder that is whole or not there: written aside, flushed, and named last. Checksums tell what happened since."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from harness.schema import read_json
from harness.writing import flush

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

MANIFEST: Final = "manifest.json"
_HASHED_AT_ONCE: Final = 8  # files; the hash lets other threads run


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder holds."""

    sha256: Mapping[str, str]  # of each file, by its path in the folder


def write_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Have ``fill`` write files into a draft, which then takes the place of ``target``. A failure leaves nothing."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        fill(draft)
        for path in (*draft.rglob("*"), draft):
            flush(path)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
        flush(target.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def sum_up(folder: Path) -> None:
    """Write the checksums of all that is in a folder; ``fault`` compares with them."""
    summed = Manifest(_sums(folder, _files(folder)))
    (folder / MANIFEST).write_text(json.dumps(asdict(summed), indent=1), encoding="utf-8")


def fault(folder: Path) -> str | None:
    """What is wrong with a folder that was summed up, or None where it is whole."""
    try:
        summed = read_json(Manifest, (folder / MANIFEST).read_text(encoding="utf-8")).sha256
    except (OSError, ValueError):
        return f"{MANIFEST} cannot be read"
    found = _sums(folder, list(summed))
    wrong = next((name for name, sha256 in summed.items() if found[name] != sha256), None)
    return None if wrong is None else f"{wrong} is not what was written"


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _sums(folder: Path, names: Sequence[str]) -> dict[str, str]:
    with ThreadPoolExecutor(_HASHED_AT_ONCE) as threads:
        return dict(zip(names, threads.map(lambda name: _sum(folder / name), names), strict=True))


def _sum(path: Path) -> str:
    """Of a file that cannot be read, nothing that any file has."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
