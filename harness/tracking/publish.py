"""Repair after a crash: publish journals and records that MLflow lacks.

Journals are in results/outbox and records in results/runs.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

from harness.common import read_json
from harness.records import RunHead, RunRecord, Study
from harness.tracking.errors import StoreError
from harness.tracking.journal import OUTBOX_FOLDER, JournalStep, RunJournal, find_journals, is_other_process
from harness.tracking.uploader import CURVES_FILE, RECORD_FILE, RunStore, UploadState, artifacts, upload

T = TypeVar("T")

STUDY_FILE: Final = ".study.json"


class StudyStore(RunStore, Protocol):
    """The methods of ``Store`` that a repair needs."""

    def studies(self) -> tuple[Study, ...]:
        """Return the planned studies."""

    def save_study(self, study: Study) -> None:
        """Save a study."""

    def statuses(self, study: str) -> Mapping[str, str]:
        """Return run id -> status."""


@dataclass(frozen=True, slots=True)
class PublishResult:
    """Result of ``publish_missing``."""

    added: tuple[str, ...]  # run ids
    known: int  # records that MLflow had
    faults: tuple[str, ...]  # "path: what is wrong"


def study_file(runs: Path, study: Study) -> Path:
    """Return the path of a study's file in the folder of runs."""
    return runs / f"{study.name}.{study.profile}{STUDY_FILE}"


def publish_missing(store: StudyStore, runs: Path) -> PublishResult:
    """Publish what the store lacks, and report files that cannot be read or are refused.

    Runs of live drivers are left to them. Journals without a record are not sent: a new attempt sends their steps.
    """
    studies, broken_studies = _readable(_from_json(Study), sorted(runs.glob(f"*{STUDY_FILE}")))
    waiting, broken_journals = _readable(RunJournal.read, find_journals(runs.parent / OUTBOX_FOLDER))
    records, broken_records = _readable(_from_json(RunRecord), sorted(runs.glob(f"*/{RECORD_FILE}")))
    _restore(store, studies.values())
    sent, unsent = _sent(store, waiting, runs)
    lacking = _lacking(store, records)
    theirs = {_run(journal.opening.head) for journal in waiting.values() if _kept(journal)}
    added, refused = _added(store, {path: each for path, each in lacking.items() if _run(each) not in theirs})
    faults = (*broken_studies, *broken_journals, *unsent, *broken_records, *refused)
    return PublishResult((*sent, *added), len(records) - len(lacking), faults)


def _readable(read: Callable[[Path], T], paths: Sequence[Path]) -> tuple[dict[Path, T], list[str]]:
    found, broken = {}, []
    for path in paths:
        try:
            found[path] = read(path)
        except FileNotFoundError:  # a live driver has just removed it
            continue
        except (OSError, ValueError) as error:
            broken.append(f"{path}: {str(error).splitlines()[0]}")
    return found, broken


def _from_json(kind: type[T]) -> Callable[[Path], T]:
    return lambda path: read_json(kind, path.read_text(encoding="utf-8"))


def _restore(store: StudyStore, studies: Iterable[Study]) -> None:
    known = {(study.name, study.profile) for study in store.studies()}
    for study in studies:
        if (study.name, study.profile) not in known:
            store.save_study(study)


def _kept(journal: RunJournal) -> bool:
    """Return whether another live process wrote the journal."""
    return is_other_process(journal.opening.driver)


def _run(about: RunHead | RunRecord) -> tuple[str, str]:
    return about.study, about.run_id


def _sent(store: StudyStore, waiting: Mapping[Path, RunJournal], runs: Path) -> tuple[list[str], list[str]]:
    """Return the run ids of the uploaded journals, and the faults of the others."""
    left = {path: journal for path, journal in waiting.items() if journal.ending and not _kept(journal)}
    arrived, faults = _tried(left, lambda path: upload(store, UploadState(left[path], begun=True), runs))
    return [left[path].opening.head.run_id for path in arrived], faults


def _added(store: StudyStore, records: Mapping[Path, RunRecord]) -> tuple[list[str], list[str]]:
    """Return the run ids of the uploaded records, and the faults of the others."""
    arrived, faults = _tried(records, lambda path: _add(store, records[path], path))
    return [records[path].run_id for path in arrived], faults


def _tried(files: Iterable[Path], send: Callable[[Path], None]) -> tuple[list[Path], list[str]]:
    """Return the files that were sent, and the faults of the others."""
    arrived: list[Path] = []
    faults: list[str] = []
    for file in files:
        try:
            send(file)
        except (OSError, json.JSONDecodeError, StoreError) as error:
            if isinstance(error, StoreError) and not error.refused:
                raise
            faults.append(f"{file}: {error}")
        else:
            arrived.append(file)
    return arrived, faults


def _lacking(store: StudyStore, records: Mapping[Path, RunRecord]) -> dict[Path, RunRecord]:
    known = {study: store.statuses(study) for study in {record.study for record in records.values()}}
    return {path: record for path, record in records.items() if not _has(known[record.study], record)}


def _has(statuses: Mapping[str, str], record: RunRecord) -> bool:
    return statuses.get(record.run_id) in {"FINISHED", record.status.upper()}


def _add(store: StudyStore, record: RunRecord, path: Path) -> None:
    ended = path.stat().st_mtime
    steps = _steps(path.with_name(CURVES_FILE), ended)
    handle = store.begin(record.head, started=ended - record.wall_seconds)
    try:
        store.write(handle, steps)
        store.finish(handle, record, artifacts(path.parent, record), ended=ended)
    except StoreError as error:
        if error.refused:
            store.drop(handle)
        raise


def _steps(curves: Path, at: float) -> list[JournalStep]:
    lines = curves.read_text(encoding="utf-8").splitlines() if curves.exists() else ()
    return [_step(json.loads(line), at) for line in lines]


def _step(metrics: dict[str, float], at: float) -> JournalStep:
    return JournalStep(int(metrics.pop("step")), at, metrics)
