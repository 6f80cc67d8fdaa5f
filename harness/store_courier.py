"""Brings what is heard of runs to the store, in a thread of its own, in order, and again until it has arrived.

Whoever calls it only writes sheets to disk; a store that is away, or slow, holds nobody up.
"""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

from harness.store_delivery import Delivery, bring
from harness.store_errors import StoreError
from harness.store_outbox import OUTBOX, Sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from harness.records import RunHead, RunRecord
    from harness.store import Store

PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds until a store that failed is tried again; the last repeats
PATIENCE: Final = 60.0  # seconds that the end of a run or a sweep waits for the store
_TICK: Final = 0.5  # seconds between two looks for something to send


class Courier:
    """The sheets of the runs under way, and the thread that sends them."""

    def __init__(self, store: Store, results: Path, say: Callable[[str], None]) -> None:
        self._store, self._results, self._say = store, results, say
        self._deliveries: dict[str, Delivery] = {}  # run id -> its latest attempt
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
        sheet = Sheet.draft(self._results / OUTBOX, head, folder)
        try:
            sheet.save()
        finally:
            self._take(Delivery(sheet, replaces=before if before and not before.done else None))

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

    def close(self, patience: float) -> Sequence[Delivery]:
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

    def _latest(self, run_id: str) -> Delivery | None:
        with self._changed:  # ``_turn`` takes it out for a moment
            return self._deliveries.get(run_id)

    def _take(self, delivery: Delivery) -> None:
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

    def _wait(self) -> list[Delivery]:
        """What is to be sent now; nothing while the store is given a pause."""
        with self._changed:
            self._changed.wait(max(self._next_try - time.monotonic(), _TICK))
            if time.monotonic() < self._next_try:
                return []
            return [delivery for delivery in self._deliveries.values() if delivery.due]

    def _send(self, due: Sequence[Delivery]) -> None:
        for delivery in due:
            try:
                bring(self._store, delivery, self._results / "runs")
            except StoreError as error:
                self._failed(delivery, error)
                return
            if self._failures:
                self._failures = 0
                self._say(f"{self._store.place} takes records again; what waited is being sent")

    def _failed(self, delivery: Delivery, error: StoreError) -> None:
        if not self._failures:
            self._say(f"not recorded, the runs go on: {error}; it is tried again")
        self._next_try = time.monotonic() + PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1
        self._turn(delivery)

    def _turn(self, delivery: Delivery) -> None:
        """Let the others go first next time: what fails may be this one alone."""
        with self._changed:
            run_id = delivery.sheet.opening.head.run_id
            if self._deliveries.get(run_id) is delivery:
                self._deliveries[run_id] = self._deliveries.pop(run_id)
