"""Where tables come from: the folder that DATA_DIR names, or the Hugging Face hub."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from harness.data.catalog import TABLES, Table
from harness.data.errors import DataError
from harness.data.rows import Row, parse_rows

_MANIFESTS: Final = (
    ("SHA256SUMS", re.compile(r"^([0-9a-fA-F]{64}) [ *](\S+)$", re.MULTILINE), (2, 1)),
    ("README.md", re.compile(r"^\|\s*(\S+\.jsonl)\s*\|.*`([0-9a-fA-F]{64})`\s*\|\s*$", re.MULTILINE), (1, 2)),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A table as it was found."""

    name: str  # the file below the folder, or the hub's name
    title: str
    rows: int  # found
    official: int  # rows of the whole source
    sha256: str  # of the file; of the rows as JSON where the hub gave them
    known: bool  # whether it is the file that this project was made with


@dataclass(frozen=True, slots=True)
class Loaded:
    """A table with its rows."""

    source: Source
    rows: tuple[Row, ...]


def data_folder() -> Path | None:
    """The folder that DATA_DIR names, None where it is not set."""
    named = os.environ.get("DATA_DIR", "").strip()
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise DataError(f"DATA_DIR={named}: no such folder; name one with eval/ and train/ (docs/data.md)")
    return folder


def load(name: str) -> Loaded:
    """A table by its name in the catalogue, from the folder or from the hub."""
    folder = data_folder()
    if folder is None:
        from harness.data.hub import load_hub  # noqa: PLC0415 - datasets takes seconds

        return load_hub(name)
    file = table_file(folder, TABLES[name])
    return _load_file(folder, name, file, digest(folder, file))


def digest(folder: Path, file: str) -> str:
    """SHA-256 of a file. Raises DataError where it is missing, or not what the folder's own list says."""
    found = hashlib.sha256(_content(folder / file)).hexdigest()
    for manifest, promised in _promises(folder, file):
        if promised != found:
            raise DataError(
                f"{folder / file}: SHA-256 {found[:12]}…, but {folder / manifest} promises {promised[:12]}…; "
                "copy the file again, or correct the list where the change is wanted"
            )
    return found


def table_file(folder: Path, table: Table) -> str:
    """The file of a table: the whole one where the folder has it."""
    return table.whole if table.whole and (folder / table.whole).is_file() else table.file


@lru_cache(maxsize=16)
def _load_file(folder: Path, name: str, file: str, sha256: str) -> Loaded:
    table = TABLES[name]
    rows = parse_rows(_content(folder / file), folder / file, difficulty=table.difficulty)
    return Loaded(Source(file, table.title, len(rows), table.rows, sha256, known=sha256 == table.sha256), rows)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; DATA_DIR names a folder with eval/ and train/ (docs/data.md)") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _promises(folder: Path, file: str) -> list[tuple[str, str]]:
    """What the folder's lists say of a file: name of the list, SHA-256."""
    found = []
    for manifest, pattern, (path, sha256) in _MANIFESTS:
        if (folder / manifest).is_file():
            lines = pattern.finditer((folder / manifest).read_text(encoding="utf-8", errors="replace"))
            found += [(manifest, line[sha256].lower()) for line in lines if line[path].removeprefix("./") == file]
    return found
