"""Upload of run data to MLflow by a background thread, in order and with retries."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final, Protocol

from harness.tracking.client import Handle
from harness.tracking.errors import StoreError
from harness.tracking.journal import OUTBOX_FOLDER, RunJournal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from harness.records import RunHead, RunRecord
    from harness.tracking.journal import JournalStep


FLUSH_SECONDS: Final = 5.0  # between two writes of a run's curves
REFUSALS: Final = 5  # refusals of one attempt until it is left on disk
RECORD_FILE: Final = "record.json"
CURVES_FILE: Final = "metrics.jsonl"  # one object a step: {"step": 3, "reward/mean": 0.25, ...}
TRACE_FILE: Final = "traceback.txt"  # of the last failed attempt


class RunStore(Protocol):
    """The methods of ``Store`` that an upload needs."""

    place: str

    def begin(self, head: RunHead, started: float | None = None, token: str = "") -> Handle:
        """Create a run."""

    def find(self, study: str, token: str) -> Handle | None:
        """Return the run that was created with this token, if any."""

    def describe(self, handle: Handle, head: RunHead) -> None:
        """Set a run's params again."""

    def write(self, handle: Handle, steps: Sequence[JournalStep]) -> None:
        """Add steps to the run's curves."""

    def finish(
        self, handle: Handle, record: RunRecord, artifacts: Mapping[str, Path | str] | None, ended: float | None
    ) -> None:
        """Publish the record of a run."""

    def drop(self, handle: Handle) -> None:
        """Remove a run."""


@dataclass(slots=True)
class UploadState:
    """A journal and how much of it has been uploaded."""

    journal: RunJournal
    replaces: UploadState | None = None  # the previous attempt
    dropped: bool = False  # it ended without a record
    handle: Handle | None = None
    begun: bool = False  # a request to create the run was sent; its answer may be lost
    sent: int = 0  # steps
    written: float = float("-inf")  # monotonic seconds of the last write
    refusals: int = 0
    done: bool = False

    @property
    def due(self) -> bool:
        """True if something should be sent now."""
        behind = self.sent < len(self.journal.steps) and time.monotonic() - self.written > FLUSH_SECONDS
        return self.ending or (not self.done and self.refusals < REFUSALS and (behind or self.handle is None))

    @property
    def ending(self) -> bool:
        """True if the end of the run should be sent."""
        over = self.dropped or self.journal.ending is not None
        return over and not self.done and self.refusals < REFUSALS

    @property
    def waits(self) -> bool:
        """True if the store lacks the run's record."""
        return self.journal.ending is not None and not self.done


def upload(store: RunStore, state: UploadState, runs: Path) -> None:
    """Upload the parts of a journal that the store lacks.

    Args:
        store: The store.
        state: The journal and what has been uploaded; it is updated.
        runs: Folder of the runs, whose files go with the record.

    Raises:
        StoreError: The store cannot be written. What was uploaded is not sent again.

    """
    try:
        _upload(store, state, runs)
    except StoreError as error:
        if error.refused:  # the run was removed or is not accepted; start again
            _take_back(store, state)
            state.handle, state.sent, state.refusals = None, 0, state.refusals + 1
        raise


def _upload(store: RunStore, state: UploadState, runs: Path) -> None:
    if state.replaces:
        _take_back(store, state.replaces)
        state.replaces = None
    if state.dropped:
        _take_back(store, state)
        state.done = True
        return
    journal, ending = state.journal, state.journal.ending  # read the end first: no step follows it
    state.handle = state.handle or _begin(store, state)
    steps = journal.steps[state.sent :]
    store.write(state.handle, steps)
    state.sent, state.written = state.sent + len(steps), time.monotonic()
    if ending:
        files = artifacts(runs / journal.opening.folder, ending.record)
        store.finish(state.handle, ending.record, files, ending.at)
        state.done = True
        with suppress(OSError, ValueError):  # a journal that remains is sent again without effect
            journal.remove()


def artifacts(folder: Path, record: RunRecord) -> Mapping[str, Path]:
    """Return the files of a run that are published with its record, by name."""
    apart = {RECORD_FILE, CURVES_FILE} | ({TRACE_FILE} if record.status == "finished" else set())
    return {file.name: file for file in sorted(folder.glob("[!.]*")) if file.is_file() and file.name not in apart}


def _begin(store: RunStore, state: UploadState) -> Handle:
    opening = state.journal.opening
    found = store.find(opening.head.study, opening.token) if state.begun else None
    state.begun = True
    if found is None:
        return store.begin(opening.head, opening.at, opening.token)
    store.describe(found, opening.head)
    return found


def _take_back(store: RunStore, state: UploadState) -> None:
    """Remove an attempt that is over from the store."""
    opening = state.journal.opening
    handle = state.handle or (store.find(opening.head.study, opening.token) if state.begun else None)
    if handle:
        store.drop(handle)


PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds until a store that failed is tried again; the last repeats
PATIENCE: Final = 60.0  # seconds that the end of a run or a sweep waits for the store
_TICK: Final = 0.5  # seconds between two checks for something to send


class Uploader:
    """The journals of the present runs, and the thread that uploads them."""

    def __init__(self, store: RunStore, results: Path, say: Callable[[str], None], wait: float = 0.0) -> None:
        """Create the uploader; its thread starts with the first run.

        Args:
            store: Where runs are recorded.
            results: Folder of the results.
            say: Prints a message to the user.
            wait: Seconds for which the start and the curves of runs stay in the journal. An end is sent immediately.

        """
        self._silent_until = time.monotonic() + wait
        self._store, self._results, self._say = store, results, say
        self._states: dict[str, UploadState] = {}  # run id -> its latest attempt
        self._changed = Condition()
        self._thread = Thread(target=self._work, name="uploader", daemon=True)
        self._closing = False
        self._failures, self._next_try = 0, 0.0  # in a row; monotonic seconds
        self._fault: Exception | None = None  # a bug, raised by ``close``

    def begin(self, head: RunHead, folder: str) -> None:
        """Start the journal of a new or repeated run.

        This method and those below raise OSError where the disk is full. The data is then uploaded from memory.

        Args:
            head: Description of the run.
            folder: Name of the run's folder in results/runs.

        """
        with self._changed:
            before = self._states.pop(head.run_id, None)
        journal = RunJournal.draft(self._results / OUTBOX_FOLDER, head, folder)
        try:
            journal.save()
        finally:
            self._take(UploadState(journal, replaces=before if before and not before.done else None))

    def step(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """Record a step of a run.

        Args:
            run_id: The run.
            step: Number of the step.
            metrics: Metric name -> value.

        """
        if state := self._latest(run_id):
            state.journal.add(step, metrics)

    def curves(self, run_id: str) -> str:
        """Return the run's steps so far, one JSON object per line."""
        state = self._latest(run_id)
        return state.journal.curves() if state else ""

    def end(self, run_id: str, record: RunRecord) -> None:
        """Record the end of a run with its final record."""
        if state := self._latest(run_id):
            try:
                state.journal.end(record)
            finally:
                self._wake()

    def drop(self, run_id: str) -> None:
        """Record that a run ended without a record and will be repeated."""
        if state := self._latest(run_id):
            state.dropped = True
            self._wake()

    @property
    def is_unreachable(self) -> bool:
        """True if the last attempt to reach the store failed."""
        return self._failures > 0

    def close(self, patience: float) -> Sequence[UploadState]:
        """Upload the rest for at most ``patience`` seconds; return what the store still lacks.

        That rest is written to disk if the disk accepts it now.
        """
        with self._changed:
            self._closing, self._next_try = True, 0.0
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(patience)
        if self._fault:
            raise self._fault
        with self._changed:
            waiting = [state for state in self._states.values() if state.waits]
        for state in waiting:
            if not state.journal.whole:
                with suppress(OSError):
                    state.journal.save()
        return waiting

    def _latest(self, run_id: str) -> UploadState | None:
        with self._changed:  # ``_turn`` removes it for a moment
            return self._states.get(run_id)

    def _take(self, state: UploadState) -> None:
        with self._changed:
            self._states[state.journal.opening.head.run_id] = state
        if self._thread.ident is None:
            self._thread.start()
        self._wake()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _work(self) -> None:
        try:
            while not (self._closing and not self._left()):
                self._send(self._wait())
        except Exception as error:  # raised by ``close``, in the caller's thread
            self._fault = error

    def _left(self) -> bool:
        """Return whether the end of a run should be sent.

        The curves of a run that never ended are sent by its next attempt.
        """
        with self._changed:
            return any(state.ending for state in self._states.values())

    def _wait(self) -> list[UploadState]:
        """Return what should be sent now; nothing during a pause after a failure."""
        with self._changed:
            self._changed.wait(max(self._next_try - time.monotonic(), _TICK))
            if time.monotonic() < self._next_try:
                return []
            silent = time.monotonic() < self._silent_until
            return [state for state in self._states.values() if (state.ending if silent else state.due)]

    def _send(self, due: Sequence[UploadState]) -> None:
        for state in due:
            try:
                upload(self._store, state, self._results / "runs")
            except StoreError as error:
                self._failed(state, error)
                return
            if self._failures:
                self._failures = 0
                self._say(f"{self._store.place} accepts records again; the waiting records are being sent")

    def _failed(self, state: UploadState, error: StoreError) -> None:
        if not self._failures:
            self._say(f"not recorded, the runs continue: {error}; the upload is retried")
        self._next_try = time.monotonic() + PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1
        self._turn(state)

    def _turn(self, state: UploadState) -> None:
        """Put a run last in the order of uploads, since the fault may be this run's alone."""
        with self._changed:
            run_id = state.journal.opening.head.run_id
            if self._states.get(run_id) is state:
                self._states[run_id] = self._states.pop(run_id)
