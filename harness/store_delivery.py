"""What of a sheet the store holds already, and the rest of the way."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.store_client import Handle
from harness.store_errors import StoreError
from harness.store_outbox import Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.records import RunRecord
    from harness.store import Store

FLUSH_SECONDS: Final = 5.0  # between two writes of a run's curves
REFUSALS: Final = 5  # of one attempt, until it is left on disk
RECORD_FILE: Final = "record.json"
CURVES_FILE: Final = "metrics.jsonl"  # one object a step: {"step": 3, "reward/mean": 0.25, ...}
TRACE_FILE: Final = "traceback.txt"  # of the last attempt that failed


@dataclass(slots=True)
class Delivery:
    """A sheet, and how much of it the store holds."""

    sheet: Sheet
    replaces: Delivery | None = None  # the attempt before
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


def bring(store: Store, delivery: Delivery, runs: Path) -> None:
    """Send what the store lacks. Raises StoreError where it cannot; what has arrived is not sent again."""
    try:
        _bring(store, delivery, runs)
    except StoreError as error:
        if error.refused:  # someone has removed the run, or it cannot be taken; once more from the start
            _take_back(store, delivery)
            delivery.handle, delivery.sent, delivery.refusals = None, 0, delivery.refusals + 1
        raise


def _bring(store: Store, delivery: Delivery, runs: Path) -> None:
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


def _begin(store: Store, delivery: Delivery) -> Handle:
    opening = delivery.sheet.opening
    found = store.find(opening.head.study, opening.token) if delivery.begun else None
    delivery.begun = True
    if found is None:
        return store.begin(opening.head, opening.at, opening.token)
    store.describe(found, opening.head)
    return found


def _take_back(store: Store, delivery: Delivery) -> None:
    """Remove what the store holds of an attempt that is over."""
    opening = delivery.sheet.opening
    handle = delivery.handle or (store.find(opening.head.study, opening.token) if delivery.begun else None)
    if handle:
        store.drop(handle)
