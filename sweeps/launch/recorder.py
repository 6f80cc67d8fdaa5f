"""Record run events on disk immediately and in MLflow when it is reachable."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from harness.common import atomic_write
from harness.records import build_failed_record
from harness.tracking import CURVES_FILE, PATIENCE, RECORD_FILE, REPAIR_COMMAND, TRACE_FILE, Uploader
from sweeps.launch.events import Failure, RunFinished, RunStarted, RunStepped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from harness.records import RunRecord
    from harness.tracking import Store, UploadState
    from sweeps.launch.events import Event
    from sweeps.plan import PlannedRun


@dataclass(frozen=True, slots=True)
class UnrecordedRuns:
    """The ids of runs that are not fully recorded at the end of a sweep."""

    waiting: frozenset[str] = frozenset()  # not in MLflow, but on disk
    unwritten: frozenset[str] = frozenset()  # neither in MLflow nor on disk
    bare: frozenset[str] = frozenset()  # recorded, but without their files in results/runs

    def __bool__(self) -> bool:
        return bool(self.waiting or self.unwritten or self.bare)

    def lines(self, results: Path, command: str) -> Iterator[str]:
        """Yield the report. ``command`` is the command that resumes the sweep."""
        if self.waiting:
            repair = REPAIR_COMMAND.replace("results", str(results))
            yield (
                f"{len(self.waiting)} runs are not in MLflow yet; they are kept in {results}; the next sweep or "
                f"`{repair}` sends them"
            )
        if self.unwritten:
            yield (
                f"{len(self.unwritten)} runs are neither in MLflow nor on disk: {_listed(self.unwritten)}; free "
                f"some space in {results} and repeat them with the same command: {command}"
            )
        if self.bare:
            yield (
                f"{len(self.bare)} runs have a record, but their files could not be written to {results}/runs, and "
                f"some tables and figures read these: {_listed(self.bare)}; free some space, delete these runs in "
                f"MLflow and repeat them with the same command: {command}"
            )


def _listed(run_ids: frozenset[str]) -> str:
    return ", ".join(sorted(run_ids))


class Recorder:
    """Records events and keeps the records of this sweep."""

    def __init__(self, store: Store, results: Path, console: Console) -> None:
        self._runs, self._console = results / "runs", console
        self._courier = Uploader(store, results, self._say)
        self._complained = False
        self._bare: dict[str, tuple[PlannedRun, RunFinished]] = {}  # by run id: runs whose files could not be written
        self.heard = False  # True after the first run has started
        self.records: list[RunRecord] = []  # records of this sweep, failed runs included

    def on_event(self, event: Event[PlannedRun]) -> None:
        """Record an event. A disk error does not stop the runs."""
        self.heard |= isinstance(event.what, RunStarted)
        if isinstance(event.what, RunFinished):
            self.records.append(event.what.record)
        elif isinstance(event.what, Failure) and event.what.final:
            self.records.append(build_failed_record(event.run.head, event.what.cause))
        try:
            self._write(event)
        except OSError as error:
            if not self._complained:
                self._say(f"not recorded, the runs continue: {error}")
            self._complained = True

    def close(self, patience: float = PATIENCE) -> UnrecordedRuns:
        """Retry the disk where it was full, and wait up to ``patience`` seconds for MLflow."""
        for run, done in tuple(self._bare.values()):
            with suppress(OSError):
                self._keep(run, done)
        waits = {delivery.journal.opening.head.run_id: delivery for delivery in self._courier.close(patience)}
        unwritten = frozenset(run_id for run_id, delivery in waits.items() if self._nowhere(delivery))
        return UnrecordedRuns(frozenset(waits) - unwritten, unwritten, frozenset(self._bare) - unwritten)

    @property
    def is_unreachable(self) -> bool:
        """True if MLflow does not answer."""
        return self._courier.is_unreachable

    def _write(self, event: Event[PlannedRun]) -> None:
        run, what, courier = event.run, event.what, self._courier
        if isinstance(what, RunStarted):
            courier.begin(run.head, run.folder)
        elif isinstance(what, RunStepped):
            courier.step(run.run_id, what.step, what.metrics)
        elif isinstance(what, RunFinished):
            try:
                self._keep(run, what)
            finally:
                courier.end(run.run_id, what.record)
        elif isinstance(what, Failure):
            try:
                atomic_write(self._runs / run.folder / TRACE_FILE, what.trace.encode())
            finally:
                self._fail(run, what)

    def _keep(self, run: PlannedRun, done: RunFinished) -> None:
        self._bare[run.run_id] = run, done
        _keep_files(done, self._runs / run.folder, self._courier.curves(run.run_id))
        del self._bare[run.run_id]

    def _fail(self, run: PlannedRun, failure: Failure) -> None:
        if failure.final:
            self._courier.end(run.run_id, self.records[-1])
        else:
            self._courier.drop(run.run_id)

    def _nowhere(self, delivery: UploadState) -> bool:
        """Return True if neither MLflow nor a disk has the record."""
        head, ending = delivery.journal.opening.head, delivery.journal.ending
        kept = ending is not None and ending.record.status == "finished" and head.run_id not in self._bare
        return not (kept or delivery.journal.whole)

    def _say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


def _keep_files(done: RunFinished, folder: Path, curves: str) -> None:
    """Write the files of a run on another machine's disk to ours, the record last."""
    record = done.record.to_json().encode()
    if (folder / RECORD_FILE).is_file() and (folder / RECORD_FILE).read_bytes() == record:
        return
    for name, content in {CURVES_FILE: curves.encode(), **done.files, RECORD_FILE: record}.items():
        atomic_write(folder / name, content)
