"""Reuse finished runs of other studies.

The same settings, seed, code and environment give the same bits.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from harness.common.files import atomic_write_folder
from harness.common.schema import SchemaError
from harness.records.record import DATA_PREFIX, RunRecord
from harness.tracking.uploader import RECORD_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sweeps.plan.plan import PlannedRun

ADOPTED: Final = "adopted from"  # in the provenance: the study that made the run


def reuse_finished_runs(runs: Iterable[PlannedRun], folder: Path) -> tuple[str, ...]:
    """Copy finished runs of other studies to the folders of these runs, and return their ids.

    A run is reused if its settings, seed, commit, packages and processor are the same, and if the code has no local
    changes. ``publish`` sends the copies to MLflow.
    """
    made = _by_run_id(folder)
    return tuple(run.run_id for run in runs if any(_copied(run, other, folder) for other in made.get(run.run_id, ())))


def _by_run_id(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        found.setdefault(path.name.rpartition(".")[2], []).append(path)
    return found


def _copied(run: PlannedRun, other: Path, folder: Path) -> bool:
    """Copy the folder of another study's run if it holds the same run, and return True."""
    target, record = folder / run.folder, _record(other)
    if record is None or other == target or record.study == run.study or not _same(record, run.provenance):
        return False
    about = {**record.provenance, ADOPTED: record.provenance.get(ADOPTED, record.study)}
    own = replace(record, study=run.study, profile=run.profile, labels=run.labels, provenance=about)

    def fill(draft: Path) -> None:
        shutil.copytree(other, draft, ignore=shutil.ignore_patterns(RECORD_FILE, ".*"), dirs_exist_ok=True)
        (draft / RECORD_FILE).write_text(own.to_json(), encoding="utf-8")

    atomic_write_folder(target, fill)  # also in place of what an interrupted run has left
    return True


def _record(folder: Path) -> RunRecord | None:
    try:
        return RunRecord.from_json((folder / RECORD_FILE).read_text(encoding="utf-8"))
    except (OSError, SchemaError, json.JSONDecodeError, UnicodeDecodeError):
        return None


def _same(record: RunRecord, provenance: Mapping[str, str]) -> bool:
    """Return True if the record is finished and its code and machine are the current ones.

    Data tiers do not count, because they are named only after the plan is made.
    """
    known = {
        name: word for name, word in record.provenance.items() if name != ADOPTED and not name.startswith(DATA_PREFIX)
    }
    return record.status == "finished" and provenance.get("dirty") == "no" and known == dict(provenance)
