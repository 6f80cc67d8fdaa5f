"""Write-ahead journal: run data is kept on disk until MLflow has accepted it."""

import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Self
from uuid import uuid4

import psutil

from harness.common import SchemaError, atomic_write, read_json
from harness.records import RunHead, RunRecord


def name_process() -> str:
    """Return a name of this process: host, process id and start time.

    The start time is included because process ids are reused.
    """
    return _name(psutil.Process(os.getpid()))


def is_other_process(name: str) -> bool:
    """Return whether ``name`` is another live process of this host.

    Processes of other hosts cannot be checked, so they do not count.
    """
    host, _, rest = name.partition(" ")
    process = rest.partition(" ")[0]
    if host != platform.node() or not process.isdigit() or name == name_process():
        return False
    try:
        return _name(psutil.Process(int(process))) == name
    except psutil.Error:
        return False


def is_on_other_host(name: str) -> bool:
    """Return whether ``name`` is a process of another host."""
    return name.partition(" ")[0] not in ("", platform.node())


def _name(process: psutil.Process) -> str:
    return f"{platform.node()} {process.pid} {process.create_time():.0f}"


OUTBOX_FOLDER: Final = "outbox"  # in the results folder
_SUFFIX: Final = ".jsonl"


@dataclass(frozen=True, slots=True)
class JournalStart:
    """First line of a journal: one attempt at a run."""

    head: RunHead
    at: float  # seconds since 1970
    token: str  # unique for this attempt; a tag of the store's run
    driver: str
    folder: str  # of the run, in results/runs; its files go with the record


@dataclass(frozen=True, slots=True)
class JournalStep:
    """One point of every curve."""

    step: int
    at: float
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class JournalEnd:
    """Last line of a journal: the record of the run."""

    at: float
    record: RunRecord


@dataclass(slots=True)
class RunJournal:
    """One attempt at a run, in memory and on disk.

    Data that a full disk does not accept stays in memory and is written again later.
    """

    file: Path
    opening: JournalStart
    steps: list[JournalStep] = field(default_factory=list)
    ending: JournalEnd | None = None
    earlier: Mapping[int, JournalStep] = field(default_factory=dict)  # steps of the attempt that this one resumes
    whole: bool = True  # whether the file is complete

    @classmethod
    def draft(cls, outbox: Path, head: RunHead, folder: str) -> Self:
        """Create a journal in memory; ``save`` replaces the file of an earlier attempt.

        Args:
            outbox: Folder of the journals.
            head: Description of the run.
            folder: Name of the run's folder in results/runs.

        Returns:
            The journal.

        """
        file = outbox / f"{head.study}.{head.run_id}{_SUFFIX}"
        opening = JournalStart(head, time.time(), uuid4().hex, name_process(), folder)
        return cls(file, opening, earlier={step.step: step for step in _steps(file)}, whole=False)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a journal from a file. A truncated last line is ignored.

        Raises SchemaError where the file is not a journal.
        """
        first, *lines = _whole_lines(file) or [""]
        try:
            journal = cls(file, read_json(JournalStart, first))
            for line in lines:
                if "record" in json.loads(line):
                    journal.ending = read_json(JournalEnd, line)
                else:
                    journal.steps.append(JournalStep(**json.loads(line)))
        except (json.JSONDecodeError, TypeError) as error:
            raise SchemaError(f"no journal of an outbox: {error}") from None
        return journal

    def add(self, step: int, metrics: Mapping[str, float]) -> None:
        """Append a step. After an OSError the step is kept in memory.

        A step that an earlier attempt recorded with the same metrics keeps its earlier time.
        """
        before = self.earlier.get(step)
        again = before is not None and before.metrics == metrics
        found = before if before and again else JournalStep(step, time.time(), metrics)
        try:
            self._put(found)
        finally:
            self.steps.append(found)

    def end(self, record: RunRecord) -> None:
        """Append the record and flush it to disk; nothing follows it.

        After an OSError the record is kept in memory.
        """
        ending = JournalEnd(time.time(), record)
        try:
            self._put(ending, flushed=True)
        finally:
            self.ending = ending  # set last: the uploader may then remove the file

    def save(self) -> None:
        """Write the whole journal again."""
        self._write(*self.steps, *((self.ending,) if self.ending else ()))

    def remove(self) -> None:
        """Delete the file, unless it belongs to a later attempt."""
        with self.file.open(encoding="utf-8") as file:
            found = read_json(JournalStart, file.readline())
        if found.token == self.opening.token:
            self.file.unlink()

    def curves(self) -> str:
        """Return the steps in the format of a run's metrics file: one JSON object per line."""
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
        atomic_write(self.file, "".join(map(_line, (self.opening, *parts))).encode())
        self.whole = True


def find_journals(outbox: Path) -> list[Path]:
    """Return the journal files, oldest first.

    A file that its driver removes during the call is left out.
    """
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
    """Yield the steps of an earlier attempt; none where its file cannot be read."""
    try:
        yield from RunJournal.read(file).steps
    except (OSError, SchemaError):
        return
