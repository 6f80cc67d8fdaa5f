"""Write-ahead journal: run data is kept on disk until MLflow has accepted it."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from uuid import uuid4

import psutil

from harness.common.files import write
from harness.common.schema import SchemaError, read_json
from harness.records.record import RunHead, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator


def driver() -> str:
    """Name the process that asks: host, process id, second in which it was born (ids are used again)."""
    return _name(psutil.Process(os.getpid()))


def other(name: str) -> bool:
    """Whether ``name`` is another process that lives. Of other hosts nothing is known, so theirs do not count."""
    host, _, rest = name.partition(" ")
    process = rest.partition(" ")[0]
    if host != platform.node() or not process.isdigit() or name == driver():
        return False
    try:
        return _name(psutil.Process(int(process))) == name
    except psutil.Error:
        return False


def elsewhere(name: str) -> bool:
    """Whether it is a process of another host."""
    return name.partition(" ")[0] not in ("", platform.node())


def _name(process: psutil.Process) -> str:
    return f"{platform.node()} {process.pid} {process.create_time():.0f}"


OUTBOX: Final = "outbox"  # in the results folder
_SUFFIX: Final = ".jsonl"


@dataclass(frozen=True, slots=True)
class JournalStart:
    """The first line: an attempt at a run."""

    head: RunHead
    at: float  # seconds since 1970
    token: str  # of this attempt alone; the store's run carries it
    driver: str
    folder: str  # of the run, in results/runs; its files go with the record


@dataclass(frozen=True, slots=True)
class JournalStep:
    """A point of every curve."""

    step: int
    at: float
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class JournalEnd:
    """The last line."""

    at: float
    record: RunRecord


@dataclass(slots=True)
class RunJournal:
    """An attempt at a run, in memory and on disk. What a full disk does not take stays in memory and is tried again."""

    file: Path
    opening: JournalStart
    steps: list[JournalStep] = field(default_factory=list)
    ending: JournalEnd | None = None
    earlier: Mapping[int, JournalStep] = field(default_factory=dict)  # of the attempt that this one goes on from
    whole: bool = True  # whether the file holds all that memory does

    @classmethod
    def draft(cls, outbox: Path, head: RunHead, folder: str) -> Self:
        """Begin one, which ``save`` puts in place of that of an earlier attempt."""
        file = outbox / f"{head.study}.{head.run_id}{_SUFFIX}"
        opening = JournalStart(head, time.time(), uuid4().hex, driver(), folder)
        return cls(file, opening, earlier={step.step: step for step in _steps(file)}, whole=False)

    @classmethod
    def open(cls, outbox: Path, head: RunHead, folder: str) -> Self:
        """Begin one, in place of that of an earlier attempt."""
        sheet = cls.draft(outbox, head, folder)
        sheet.save()
        return sheet

    @classmethod
    def read(cls, file: Path) -> Self:
        """What was written. Raises SchemaError where it is no sheet; a last line that was cut off does not count."""
        first, *lines = _whole_lines(file) or [""]
        try:
            sheet = cls(file, read_json(JournalStart, first))
            for line in lines:
                if "record" in json.loads(line):
                    sheet.ending = read_json(JournalEnd, line)
                else:
                    sheet.steps.append(JournalStep(**json.loads(line)))
        except (json.JSONDecodeError, TypeError) as error:
            raise SchemaError(f"no sheet of an outbox: {error}") from None
        return sheet

    def add(self, step: int, metrics: Mapping[str, float]) -> None:
        """Take a step down, at the time at which it was first heard. An OSError leaves it in memory."""
        before = self.earlier.get(step)
        again = before is not None and before.metrics == metrics
        found = before if before and again else JournalStep(step, time.time(), metrics)
        try:
            self._put(found)
        finally:
            self.steps.append(found)

    def end(self, record: RunRecord) -> None:
        """Take the record down, on the disk when this returns; nothing follows. An OSError leaves it in memory."""
        ending = JournalEnd(time.time(), record)
        try:
            self._put(ending, flushed=True)
        finally:
            self.ending = ending  # no sooner, since the file of what has arrived is removed

    def save(self) -> None:
        """Write all of it anew."""
        self._write(*self.steps, *((self.ending,) if self.ending else ()))

    def remove(self) -> None:
        """Take the file away, but not that which a later attempt has put in its place."""
        with self.file.open(encoding="utf-8") as file:
            found = read_json(JournalStart, file.readline())
        if found.token == self.opening.token:
            self.file.unlink()

    def curves(self) -> str:
        """The steps as a run's folder holds them, an object a line."""
        return "".join(json.dumps({"step": step.step, **step.metrics}) + "\n" for step in self.steps)

    def _put(self, part: JournalStep | JournalEnd, flushed: bool = False) -> None:
        if not self.whole:
            self._write(*self.steps, part)
            return
        self.whole = False
        with self.file.open("a", encoding="utf-8") as file:
            file.write(_line(part))
            file.flush()
            if flushed:
                os.fsync(file.fileno())
        self.whole = True

    def _write(self, *parts: JournalStep | JournalEnd) -> None:
        write(self.file, "".join(map(_line, (self.opening, *parts))).encode())
        self.whole = True


def run_journals(outbox: Path) -> list[Path]:
    """The files that wait, oldest first. One that its driver takes away meanwhile waits no more."""
    changed = {}
    for file in outbox.glob(f"*{_SUFFIX}"):
        with suppress(FileNotFoundError):
            changed[file] = file.stat().st_mtime
    return sorted(changed, key=changed.__getitem__)


def _line(part: JournalStart | JournalStep | JournalEnd) -> str:
    return json.dumps(asdict(part), default=str) + "\n"


def _whole_lines(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]


def _steps(file: Path) -> Iterator[JournalStep]:
    """Of an earlier attempt, as far as it can be read."""
    try:
        yield from RunJournal.read(file).steps
    except (OSError, SchemaError):
        return
