"""Bring into MLflow what waits in results/outbox, and what it lacks of results/runs: the repair after a crash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from harness.records import RunRecord, Study
from harness.schema import read_json
from harness.store_delivery import CURVES_FILE, RECORD_FILE, Delivery, artifacts, bring
from harness.store_driver import other
from harness.store_errors import StoreError
from harness.store_outbox import OUTBOX, Sheet, Step, sheets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from harness.store import Store

T = TypeVar("T")

STUDY_FILE: Final = ".study.json"


@dataclass(frozen=True, slots=True)
class Published:
    """What ``publish`` found."""

    added: tuple[str, ...]  # run ids
    known: int  # records that MLflow had
    faults: tuple[str, ...]  # "path: what is wrong"


def study_file(runs: Path, study: Study) -> Path:
    """Where a study is kept beside its runs."""
    return runs / f"{study.name}.{study.profile}{STUDY_FILE}"


def publish(store: Store, runs: Path) -> Published:
    """Publish what the store lacks. A file that cannot be read, or is refused, is reported and left.

    Sheets of drivers that live are theirs; those of runs that did not end say nothing that a new attempt would not.
    """
    studies, broken_studies = _readable(_from_json(Study), sorted(runs.glob(f"*{STUDY_FILE}")))
    waiting, broken_sheets = _readable(Sheet.read, sheets(runs.parent / OUTBOX))
    records, broken_records = _readable(_from_json(RunRecord), sorted(runs.glob(f"*/{RECORD_FILE}")))
    _restore(store, studies.values())
    sent, refused = _sent(store, [sheet for sheet in waiting.values() if _left(sheet)], runs)
    known = {study: store.statuses(study) for study in {record.study for record in records.values()}}
    lacking = {path: record for path, record in records.items() if not _has(known[record.study], record)}
    for path, record in lacking.items():
        _add(store, record, path)
    added = (*sent, *(record.run_id for record in lacking.values()))
    faults = (*broken_studies, *broken_sheets, *refused, *broken_records)
    return Published(added, len(records) - len(lacking), faults)


def _readable(read: Callable[[Path], T], paths: Sequence[Path]) -> tuple[dict[Path, T], list[str]]:
    found, broken = {}, []
    for path in paths:
        try:
            found[path] = read(path)
        except (OSError, ValueError) as error:
            broken.append(f"{path}: {str(error).splitlines()[0]}")
    return found, broken


def _from_json(kind: type[T]) -> Callable[[Path], T]:
    return lambda path: read_json(kind, path.read_text(encoding="utf-8"))


def _restore(store: Store, studies: Iterable[Study]) -> None:
    known = {(study.name, study.profile) for study in store.studies()}
    for study in studies:
        if (study.name, study.profile) not in known:
            store.save_study(study)


def _left(sheet: Sheet) -> bool:
    return sheet.ending is not None and not other(sheet.opening.driver)


def _sent(store: Store, waiting: Sequence[Sheet], runs: Path) -> tuple[list[str], list[str]]:
    """Run ids of the sheets that have arrived, and why others have not."""
    sent, refused = list[str](), list[str]()
    for sheet in waiting:
        try:
            bring(store, Delivery(sheet, begun=True), runs)
        except StoreError as error:
            if not error.refused:
                raise
            refused.append(f"{sheet.file}: {error}")
        else:
            sent.append(sheet.opening.head.run_id)
    return sent, refused


def _has(statuses: Mapping[str, str], record: RunRecord) -> bool:
    return statuses.get(record.run_id) in {"FINISHED", record.status.upper()}


def _add(store: Store, record: RunRecord, path: Path) -> None:
    ended = path.stat().st_mtime
    handle = store.begin(record.head, started=ended - record.wall_seconds)
    curves = path.with_name(CURVES_FILE)
    lines = curves.read_text(encoding="utf-8").splitlines() if curves.exists() else ()
    store.write(handle, [_step(json.loads(line), ended) for line in lines])
    store.finish(handle, record, artifacts(path.parent, record), ended=ended)


def _step(metrics: dict[str, float], at: float) -> Step:
    return Step(int(metrics.pop("step")), at, metrics)
