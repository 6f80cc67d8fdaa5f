"""A checkpoint folder: written atomically, with checksums and the identity of its run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.common.schema import read_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.config.experiment import ExperimentConfig


MODEL_FILE: Final = "model.json"  # in a checkpoint: the settings of its model
LEARNER_FOLDER: Final = "learner"  # in a checkpoint: the folder of the learner's files
MANIFEST: Final = "manifest.json"
_HASHED_AT_ONCE: Final = 8  # files; hashing releases the GIL


@dataclass(frozen=True, slots=True)
class Manifest:
    """Checksums of the files in a folder."""

    sha256: Mapping[str, str]  # path in the folder -> SHA-256


def write_manifest(folder: Path) -> None:
    """Write the checksums of all files of a folder; ``find_fault`` compares with them."""
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    summed = Manifest(_sums(folder, files))
    (folder / MANIFEST).write_text(json.dumps(asdict(summed), indent=1), encoding="utf-8")


def find_fault(folder: Path) -> str | None:
    """Return what is wrong with a folder that has checksums; None where it is intact."""
    try:
        summed = read_json(Manifest, (folder / MANIFEST).read_text(encoding="utf-8")).sha256
    except (OSError, ValueError):
        return f"{MANIFEST} cannot be read"
    found = _sums(folder, list(summed))
    wrong = next((name for name, sha256 in summed.items() if found[name] != sha256), None)
    return None if wrong is None else f"{wrong} differs from its checksum"


def _sums(folder: Path, names: Sequence[str]) -> dict[str, str]:
    with ThreadPoolExecutor(_HASHED_AT_ONCE) as threads:
        return dict(zip(names, threads.map(lambda name: _sum(folder / name), names), strict=True))


def _sum(path: Path) -> str:
    """Return the file's checksum, or a value that matches no checksum if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


_ROOT: Final = Path(__file__).resolve().parents[2]
_MACHINE: Final = ("processor", "cores")  # a run may resume on another machine


def compute_identity(config: ExperimentConfig, provenance: Mapping[str, str]) -> dict[str, str]:
    """Return what a checkpoint must share with the run that resumes it.

    These are the run id, engines with their resources, commit, packages, data, and a digest of the source code.
    """
    known = {name: word for name, word in provenance.items() if name not in _MACHINE}
    return {"run": config.run_id(), "backend": json.dumps(asdict(config.backend)), **known, "code": _code()}


def find_difference(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str | None:
    """Return the first part that differs, with both values; None where all are equal."""
    for name in {**ours, **theirs}:
        if ours.get(name) != theirs.get(name):
            return f"{name} {theirs.get(name, 'unknown')}, now {ours.get(name, 'unknown')}"
    return None


@cache  # a process keeps running the code that it has loaded
def _code() -> str:
    found = hashlib.sha256()
    for path in sorted(path for package in ("harness", "tricks") for path in (_ROOT / package).rglob("*.py")):
        found.update(f"{path.relative_to(_ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()
