"""Upload run data to MLflow in a background thread, in order and with retries."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

from harness.tracking.client import Handle
from harness.tracking.errors import StoreError
from harness.tracking.journal import OUTBOX, RunJournal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from harness.records.record import RunHead, RunRecord
    from harness.tracking.store import Store


FLUSH_SECONDS: Final = 5.0  # between two writes of a run's curves
REFUSALS: Final = 5  # of one attempt, until it is left on disk
RECORD_FILE: Final = "record.json"
CURVES_FILE: Final = "metrics.jsonl"  # one object a step: {"step": 3, "reward/mean": 0.25, ...}
TRACE_FILE: Final = "traceback.txt"  # of the last attempt that failed


@dataclass(slots=True)
class UploadState:
    """A sheet, and how much of it the store holds."""

    sheet: RunJournal
    replaces: UploadState | None = None  # the attempt before
    dropped: bool = False  # it ended without a record
    handle: Handle | None = None
    begun: bool = False  # a begin was tried, and may have arrived unheard
    sent: int = 0  # steps
    written: float = float("-inf")  # monotonic seconds of the last write
    refusals: int = 0
    done: bool = False

    @property
    def due(self) -> bool:
        """Whether something is to be sent now."""
        behind = self.sent < len(self.sheet.steps) and time.monotonic() - self.written > FLUSH_SECONDS
        return self.ending or (not self.done and self.refusals < REFUSALS and (behind or self.handle is None))

    @property
    def ending(self) -> bool:
        """Whether its end is to be sent."""
        over = self.dropped or self.sheet.ending is not None
        return over and not self.done and self.refusals < REFUSALS

    @property
    def waits(self) -> bool:
        """Whether the store lacks its record."""
        return self.sheet.ending is not None and not self.done


def upload(store: Store, delivery: UploadState, runs: Path) -> None:
    """Send what the store lacks. Raises StoreError where it cannot; what has arrived is not sent again."""
    try:
        _upload(store, delivery, runs)
    except StoreError as error:
        if error.refused:  # someone has removed the run, or it cannot be taken; once more from the start
            _take_back(store, delivery)
            delivery.handle, delivery.sent, delivery.refusals = None, 0, delivery.refusals + 1
        raise


def _upload(store: Store, delivery: UploadState, runs: Path) -> None:
    if delivery.replaces:
        _take_back(store, delivery.replaces)
        delivery.replaces = None
    if delivery.dropped:
        _take_back(store, delivery)
        delivery.done = True
        return
    sheet, ending = delivery.sheet, delivery.sheet.ending  # first the end: no step comes after it
    delivery.handle = delivery.handle or _begin(store, delivery)
    steps = sheet.steps[delivery.sent :]
    store.write(delivery.handle, steps)
    delivery.sent, delivery.written = delivery.sent + len(steps), time.monotonic()
    if ending:
        files = artifacts(runs / sheet.opening.folder, ending.record)
        store.finish(delivery.handle, ending.record, files, ending.at)
        delivery.done = True
        with suppress(OSError, ValueError):  # a sheet that stays is sent again, and changes nothing
            sheet.remove()


def artifacts(folder: Path, record: RunRecord) -> Mapping[str, Path]:
    """The files of a run that go with its record."""
    apart = {RECORD_FILE, CURVES_FILE} | ({TRACE_FILE} if record.status == "finished" else set())
    return {file.name: file for file in sorted(folder.glob("[!.]*")) if file.is_file() and file.name not in apart}


def _begin(store: Store, delivery: UploadState) -> Handle:
    opening = delivery.sheet.opening
    found = store.find(opening.head.study, opening.token) if delivery.begun else None
    delivery.begun = True
    if found is None:
        return store.begin(opening.head, opening.at, opening.token)
    store.describe(found, opening.head)
    return found


def _take_back(store: Store, delivery: UploadState) -> None:
    """Remove what the store holds of an attempt that is over."""
    opening = delivery.sheet.opening
    handle = delivery.handle or (store.find(opening.head.study, opening.token) if delivery.begun else None)
    if handle:
        store.drop(handle)


PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds until a store that failed is tried again; the last repeats
PATIENCE: Final = 60.0  # seconds that the end of a run or a sweep waits for the store
_TICK: Final = 0.5  # seconds between two looks for something to send


class Uploader:
    """The sheets of the runs under way, and the thread that sends them."""

    def __init__(self, store: Store, results: Path, say: Callable[[str], None]) -> None:
        self._store, self._results, self._say = store, results, say
        self._deliveries: dict[str, UploadState] = {}  # run id -> its latest attempt
        self._changed = Condition()
        self._thread = Thread(target=self._work, name="courier", daemon=True)
        self._closing = False
        self._failures, self._next_try = 0, 0.0  # in a row; monotonic seconds
        self._fault: Exception | None = None  # a mistake of ours

    def begin(self, head: RunHead, folder: str) -> None:
        """A run begins, or begins again. ``folder``: its name in results/runs.

        An OSError, here and below, says that the disk is full; the store is sent what memory holds all the same.
        """
        with self._changed:
            before = self._deliveries.pop(head.run_id, None)
        sheet = RunJournal.draft(self._results / OUTBOX, head, folder)
        try:
            sheet.save()
        finally:
            self._take(UploadState(sheet, replaces=before if before and not before.done else None))

    def step(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """It has done a step."""
        if delivery := self._latest(run_id):
            delivery.sheet.add(step, metrics)

    def curves(self, run_id: str) -> str:
        """Its steps so far, an object a line."""
        delivery = self._latest(run_id)
        return delivery.sheet.curves() if delivery else ""

    def end(self, run_id: str, record: RunRecord) -> None:
        """It has ended, and its record is final."""
        if delivery := self._latest(run_id):
            try:
                delivery.sheet.end(record)
            finally:
                self._wake()

    def drop(self, run_id: str) -> None:
        """It has ended without a record, and will be tried again."""
        if delivery := self._latest(run_id):
            delivery.dropped = True
            self._wake()

    @property
    def away(self) -> bool:
        """Whether the store failed when it was tried last."""
        return self._failures > 0

    def close(self, patience: float) -> Sequence[UploadState]:
        """Send what is left, for so many seconds at most; what the store lacks then, on disk if that takes it now."""
        with self._changed:
            self._closing, self._next_try = True, 0.0
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(patience)
        if self._fault:
            raise self._fault
        with self._changed:
            waiting = [delivery for delivery in self._deliveries.values() if delivery.waits]
        for delivery in waiting:
            if not delivery.sheet.whole:
                with suppress(OSError):
                    delivery.sheet.save()
        return waiting

    def _latest(self, run_id: str) -> UploadState | None:
        with self._changed:  # ``_turn`` takes it out for a moment
            return self._deliveries.get(run_id)

    def _take(self, delivery: UploadState) -> None:
        with self._changed:
            self._deliveries[delivery.sheet.opening.head.run_id] = delivery
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
        except Exception as error:  # told by ``close``, in the caller's thread
            self._fault = error

    def _left(self) -> bool:
        """Whether an end is to be sent. The curves of what never ended are sent by its next attempt."""
        with self._changed:
            return any(delivery.ending for delivery in self._deliveries.values())

    def _wait(self) -> list[UploadState]:
        """What is to be sent now; nothing while the store is given a pause."""
        with self._changed:
            self._changed.wait(max(self._next_try - time.monotonic(), _TICK))
            if time.monotonic() < self._next_try:
                return []
            return [delivery for delivery in self._deliveries.values() if delivery.due]

    def _send(self, due: Sequence[UploadState]) -> None:
        for delivery in due:
            try:
                upload(self._store, delivery, self._results / "runs")
            except StoreError as error:
                self._failed(delivery, error)
                return
            if self._failures:
                self._failures = 0
                self._say(f"{self._store.place} takes records again; what waited is being sent")

    def _failed(self, delivery: UploadState, error: StoreError) -> None:
        if not self._failures:
            self._say(f"not recorded, the runs go on: {error}; it is tried again")
        self._next_try = time.monotonic() + PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1
        self._turn(delivery)

    def _turn(self, delivery: UploadState) -> None:
        """Let the others go first next time: what fails may be this one alone."""
        with self._changed:
            run_id = delivery.sheet.opening.head.run_id
            if self._deliveries.get(run_id) is delivery:
                self._deliveries[run_id] = self._deliveries.pop(run_id)
