"""Allow one sweep of a study at a time, on one host and across hosts."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from threading import Event, Thread
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from harness.common import BusyError, SchemaError, hold_lock, read_json
from harness.tracking import StoreError, is_on_other_host, is_other_process, name_process
from sweeps.launch.environment import SweepError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.tracking import Store


@contextmanager
def hold_study_lock(results: Path, study: str) -> Iterator[None]:
    """Hold ``results/<study>.lock``.

    Raises SweepError that names the process that holds the lock, or the reason why it cannot be made.
    """
    path = results / f"{study}.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(hold_lock(path))
        except BusyError as holder:
            raise SweepError(
                f"{study}: a sweep of it is already running, started {holder}; wait for it or stop it"
            ) from None
        except OSError as error:
            raise SweepError(
                f"{path} cannot be written: {error.strerror}; make the folder writable or name another with results=DIR"
            ) from None
        yield


HEARTBEAT_SECONDS: Final = 30.0  # seconds between two heartbeats
EXPIRY_SECONDS: Final = 180.0  # seconds without a heartbeat until a driver on another host counts as silent
# seconds of grace for a silent driver; after an outage of the store it sends a heartbeat soon
GRACE_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 5.0  # seconds until a failed heartbeat is retried
_PAUSE: Final = 0.1  # seconds between two polls


@dataclass(frozen=True, slots=True)
class StudyLease:
    """The lease of a study that a driver holds or waits for."""

    driver: str  # host, process id, start time of the process
    heard: float  # last heartbeat, in seconds since 1970
    number: int  # the lowest goes first; 0 while it is being drawn

    @property
    def name(self) -> str:
        """The driver in words."""
        host, process, _ = self.driver.split(" ")
        return f"process {process} on {host}"

    @property
    def gone(self) -> bool:
        """True if the driver was a process of this host and has ended."""
        return not is_on_other_host(self.driver) and not is_other_process(self.driver)

    @property
    def silent(self) -> bool:
        """True if a driver on another host has sent no heartbeat for a long time.

        The clocks of hosts may differ by a minute.
        """
        return is_on_other_host(self.driver) and time.time() - self.heard > EXPIRY_SECONDS

    @property
    def place(self) -> tuple[int, str]:
        """The place in the queue; drivers that start together may draw equal numbers."""
        return self.number, self.driver


@contextmanager
def acquire_lease(store: Store, study: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lease of a study, with heartbeats in a thread.

    Args:
        store: the MLflow store; a local one needs no lease
        study: the name of the study
        say: called with messages while waiting

    Yields:
        Nothing; the lease is held inside the context.

    Raises:
        SweepError: another driver holds the study; the message names it.

    """
    if not store.shared:  # the lock in the results folder is enough
        yield
        return
    _forget(store, study, say)
    token, own = uuid4().hex, StudyLease(name_process(), time.time(), 0)
    store.claim(study, token, _text(own))
    try:
        own = replace(own, number=1 + max((rival.number for rival in _rivals(store, study, token)), default=0))
        store.claim(study, token, _text(own))
        _refuse([rival for rival in _settled(store, study, token) if rival.place < own.place], study)
        with _beating(store, study, token, own):
            yield
    finally:
        with suppress(StoreError):  # if the store is away, the lease expires
            store.claim(study, token, None)


def _forget(store: Store, study: str, say: Callable[[str], None]) -> None:
    """Release the leases of dead drivers.

    A silent driver on another host gets a grace period, in case only its connection to the store was lost.
    """
    found = _claims(store, study)
    silent = [one.name for one in found.values() if one.silent]
    if silent:
        say(f"{study}: no heartbeat from {', '.join(silent)} for long; waiting {GRACE_SECONDS:g} s for a sign of life")
        time.sleep(GRACE_SECONDS)
    for token, now in _claims(store, study).items():
        if now.gone or (now.silent and found.get(token) == now):
            store.claim(study, token, None)


def _claims(store: Store, study: str) -> dict[str, StudyLease]:
    return {token: found for token, said in store.claims(study).items() if (found := _read(said))}


def _rivals(store: Store, study: str, token: str) -> list[StudyLease]:
    """Return the leases of other drivers that have not ended."""
    return [found for name, found in _claims(store, study).items() if name != token and not found.gone]


def _settled(store: Store, study: str, token: str) -> list[StudyLease]:
    """Return the rivals once all have their numbers.

    Of two drivers that start together exactly one continues (doi:10.1145/361082.361093).
    """
    deadline = time.monotonic() + EXPIRY_SECONDS
    while True:
        rivals = _rivals(store, study, token)
        if all(rival.number for rival in rivals) or time.monotonic() > deadline:
            return rivals
        time.sleep(_PAUSE)


def _refuse(earlier: list[StudyLease], study: str) -> None:
    if earlier:
        rival = min(earlier, key=lambda rival: rival.place)
        raise SweepError(
            f"{study}: a sweep of it is already running, started by {rival.name}, last heartbeat "
            f"{max(time.time() - rival.heard, 0.0):.0f} s ago; wait for it or stop it (a dead driver's lease ends "
            f"after {EXPIRY_SECONDS:.0f} s without a heartbeat), or run one sweep on both machines with RAY_ADDRESS"
        )


@contextmanager
def _beating(store: Store, study: str, token: str, own: StudyLease) -> Iterator[None]:
    over = Event()

    def beat() -> None:
        pause = HEARTBEAT_SECONDS
        while not over.wait(pause):
            pause = HEARTBEAT_SECONDS
            try:
                store.claim(study, token, _text(replace(own, heard=time.time())))
            except StoreError:
                pause = RETRY_SECONDS

    thread = Thread(target=beat, name="claim", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(HEARTBEAT_SECONDS)


def _text(own: StudyLease) -> str:
    return json.dumps(asdict(own))


def _read(said: str) -> StudyLease | None:
    try:
        return read_json(StudyLease, said)
    except (SchemaError, ValueError):  # written by another version
        return None
