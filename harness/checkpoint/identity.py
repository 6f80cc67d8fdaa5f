"""Which run a checkpoint is of, and by which code: it is taken up by the same alone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.config import ExperimentConfig

_ROOT: Final = Path(__file__).resolve().parents[2]
_MACHINE: Final = ("processor", "cores")  # a run may go on elsewhere


def identity(config: ExperimentConfig, provenance: Mapping[str, str]) -> dict[str, str]:
    """The run, its engines with their resources, commit, packages and data, and a digest of the code as it is."""
    known = {name: word for name, word in provenance.items() if name not in _MACHINE}
    return {"run": config.run_id(), "backend": json.dumps(asdict(config.backend)), **known, "code": _code()}


def difference(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str | None:
    """The first part in which they differ, with both its values; None where they are the same."""
    for name in {**ours, **theirs}:
        if ours.get(name) != theirs.get(name):
            return f"{name} {theirs.get(name, 'unknown')}, now {ours.get(name, 'unknown')}"
    return None


@cache  # a process runs the code that it has read
def _code() -> str:
    found = hashlib.sha256()
    for path in sorted(path for package in ("harness", "tricks") for path in (_ROOT / package).rglob("*.py")):
        found.update(f"{path.relative_to(_ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()
