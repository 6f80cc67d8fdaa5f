"""Bring into MLflow what results/runs holds and MLflow lacks: the repair after a crash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from harness.records import RunRecord, Study
from harness.schema import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from harness.store import Store

T = TypeVar("T")

RECORD_FILE: Final = "record.json"
CURVES_FILE: Final = "metrics.jsonl"  # one object a step: {"step": 3, "reward/mean": 0.25, ...}
STUDY_FILE: Final = ".study.json"


@dataclass(frozen=True, slots=True)
class Published:
    """What ``publish`` found."""

    added: tuple[str, ...]  # run ids
    known: int  # records that MLflow had
    unreadable: tuple[str, ...]  # "path: what is wrong"


def study_file(runs: Path, study: Study) -> Path:
    """Where a study is kept beside its runs."""
    return runs / f"{study.name}.{study.profile}{STUDY_FILE}"


def publish(store: Store, runs: Path) -> Published:
    """Publish the records under ``runs`` that the store lacks. A file that cannot be read is reported, not touched."""
    studies, broken_studies = _readable(Study, sorted(runs.glob(f"*{STUDY_FILE}")))
    records, broken_records = _readable(RunRecord, sorted(runs.glob(f"*/{RECORD_FILE}")))
    _restore(store, studies.values())
    known = {study: store.statuses(study) for study in {record.study for record in records.values()}}
    lacking = {
        path: record
        for path, record in records.items()
        if known[record.study].get(record.run_id) not in {"FINISHED", record.status.upper()}
    }
    for path, record in lacking.items():
        _add(store, record, path)
    added = tuple(record.run_id for record in lacking.values())
    return Published(added, len(records) - len(lacking), (*broken_studies, *broken_records))


def _readable(kind: type[T], paths: Sequence[Path]) -> tuple[dict[Path, T], list[str]]:
    found, broken = {}, []
    for path in paths:
        try:
            found[path] = read_json(kind, path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            broken.append(f"{path}: {str(error).splitlines()[0]}")
    return found, broken


def _restore(store: Store, studies: Iterable[Study]) -> None:
    known = {(study.name, study.profile) for study in store.studies()}
    for study in studies:
        if (study.name, study.profile) not in known:
            store.save_study(study)


def _add(store: Store, record: RunRecord, path: Path) -> None:
    ended = path.stat().st_mtime
    handle = store.begin(record.head, started=ended - record.wall_seconds)
    curves = path.with_name(CURVES_FILE)
    for line in curves.read_text(encoding="utf-8").splitlines() if curves.exists() else ():
        metrics = json.loads(line)
        store.log(handle, metrics.pop("step"), metrics, at=ended)
    artifacts = {file.name: file for file in sorted(path.parent.glob("[!.]*")) if file not in {path, curves}}
    store.finish(handle, record, artifacts, ended=ended)
