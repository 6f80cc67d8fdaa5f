"""The driver's pen: what happens to runs goes to MLflow. A store that fails does not stop the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from harness.records import RunRecord
from harness.store_errors import StoreError
from harness.store_publish import publish
from sweeps.events import Done, Failure, Hello, Report

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from harness.store import Handle, Store
    from sweeps.events import Event
    from sweeps.plan import PlannedRun


class Recorder:
    """Writes events to the store, and remembers the records of this sweep."""

    def __init__(self, store: Store, runs: Path, console: Console) -> None:
        self._store, self._runs, self._console = store, runs, console
        self._handles: dict[str, Handle] = {}
        self._lacking = False  # whether MLflow lacks something
        self.records: list[RunRecord] = []  # of this sweep, failed ones included

    def hear(self, event: Event) -> None:
        """Write an event down. Finished runs are on disk as well, so that ``make_up`` can bring them in later."""
        try:
            self._keep(event)
            self._write(event)
        except (StoreError, OSError) as error:
            self._handles.pop(event.run.run_id, None)
            if not self._lacking:
                self._console.print(Text(f"not recorded, the runs go on: {error}"))
            self._lacking = True

    def make_up(self) -> None:
        """Try once more to publish what MLflow lacks, if it lacks something. Raises StoreError if that fails too."""
        if self._lacking:
            publish(self._store, self._runs)

    def _keep(self, event: Event) -> None:
        run, what, folder = event.run, event.what, self._runs / event.run.folder
        if isinstance(what, Done):
            self.records.append(what.record)
            _keep_files(what, folder)
        elif isinstance(what, Failure):
            if what.final:
                self.records.append(failed_record(run, what.cause))
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "traceback.txt").write_text(what.trace, encoding="utf-8")

    def _write(self, event: Event) -> None:
        run, what = event.run, event.what
        if isinstance(what, Hello):
            self._handles[run.run_id] = self._store.begin(run.head)
        elif run.run_id not in self._handles:  # its begin failed; the record on disk is published at the end
            return
        elif isinstance(what, Report):
            self._store.log(self._handles[run.run_id], what.step, what.metrics)
        elif isinstance(what, Done):
            files = {name: self._runs / run.folder / name for name in what.files}
            self._store.finish(self._handles.pop(run.run_id), what.record, files)
        else:
            self._store.finish(self._handles.pop(run.run_id), failed_record(run, what.cause))


def failed_record(run: PlannedRun, error: str) -> RunRecord:
    """What is recorded of a run that left no record itself."""
    head = run.head
    return RunRecord(
        **{name: getattr(head, name) for name in type(head).__slots__},
        status="failed",
        scores={},
        wall_seconds=0.0,
        cpu_seconds=0.0,
        peak_memory_mb=0.0,
        error=error,
    )


def _keep_files(done: Done, folder: Path) -> None:
    if (folder / "record.json").exists():
        return
    from harness.run import Finished, save  # noqa: PLC0415 - only where the run's disk is not ours

    save(Finished(done.record, done.files), folder)
