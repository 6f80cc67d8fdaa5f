"""Show the progress of a sweep on a terminal, and its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

import psutil
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.common import choose_command, format_duration
from sweeps.grid import find_varied_axes
from sweeps.launch.events import Failure, Launchable, RunEnded, RunPruned, RunStarted, RunStepped, WaitingForResources
from sweeps.plan import makespan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from harness.records import RunRecord
    from sweeps.grid import Grid
    from sweeps.launch.events import Event, Queued
    from sweeps.plan import PlannedRun


Run = TypeVar("Run", bound=Launchable)


@dataclass(slots=True)
class ProgressRow:
    """One run in progress."""

    name: str
    steps: int
    expected: float  # seconds
    step: int | None = None
    trained_since: float = field(default_factory=time.monotonic)  # step 0, or the start of a run without one
    started: float = field(default_factory=time.monotonic)
    shown: Mapping[str, float] = field(default_factory=dict)  # reward, accuracy

    def seconds_left(self) -> float:
        """Return the seconds left, from the pace of its steps.

        Before the first step, the estimate of the plan is used.
        """
        now = time.monotonic()
        if not self.step:
            return max(self.expected - (now - self.started), 0.0)
        return (now - self.trained_since) / self.step * (self.steps - self.step)


def run_names(runs: Sequence[PlannedRun]) -> Callable[[PlannedRun], str]:
    """Return a function that names a run by the labels in which the runs differ, and its seed."""
    axes = find_varied_axes([run.labels for run in runs])
    return lambda run: " ".join([*(run.labels[axis] for axis in axes), f"s{run.config.seed}"])


class ProgressTable(Generic[Run]):
    """The counts of runs, the runs in progress, and the time left."""

    def __init__(self, queue: Sequence[Queued], slots: int, name: Callable[[Run], str]) -> None:
        self.name = name
        self._waiting = [each.seconds for each in queue]
        self._slots = slots
        self.total, self.finished, self.failed, self.pruned = len(queue), 0, 0, 0
        self.rows: dict[str, ProgressRow] = {}

    @property
    def ended(self) -> int:
        """The number of runs that will not go on."""
        return self.finished + self.failed + self.pruned

    def on_event(self, event: Event[Run]) -> None:
        """Update the table with an event."""
        run, what = event.run, event.what
        if isinstance(what, RunStarted):
            self._take(run)
            self.rows[run.run_id] = ProgressRow(self.name(run), run.steps, run.seconds)
        elif isinstance(what, RunStepped):
            self._step(self.rows[run.run_id], what)
        elif isinstance(what, RunEnded | RunPruned | Failure):
            self.rows.pop(run.run_id, None)
            self.finished += isinstance(what, RunEnded)
            self.pruned += isinstance(what, RunPruned)
            self.failed += isinstance(what, Failure) and what.final
            if isinstance(what, Failure) and not what.final:
                self._waiting.append(run.seconds)

    def drop(self, place: Queued) -> None:
        """Take a place in the queue out of the table, because nothing has to run in it."""
        self.total -= 1
        self._take(place)

    def seconds_left(self) -> float:
        """Return the estimated seconds until the last run ends."""
        running = [row.seconds_left() for row in self.rows.values()]
        return makespan([*running, *self._waiting], self._slots)

    def _take(self, place: Queued) -> None:
        if place.seconds in self._waiting:
            self._waiting.remove(place.seconds)

    def _step(self, row: ProgressRow, report: RunStepped) -> None:
        row.step = report.step
        if report.step == 0:
            row.trained_since = time.monotonic()
        found = {"reward": "reward/mean", "accuracy": "rollout/accuracy" if report.step else "eval/accuracy"}
        row.shown = {name: report.metrics[key] for name, key in found.items() if key in report.metrics}


REDRAW_SECONDS: Final = 0.5
QUIET_SECONDS: Final = 30.0  # longest time without a plain line


class SweepProgress(Protocol):
    """A display of the progress table."""

    def show(self, event: Event[Launchable] | None) -> None:
        """Show an event that the table has counted, or None after a tick without events."""
        ...


@contextmanager
def open_progress(board: ProgressTable[Any], console: Console) -> Iterator[SweepProgress]:
    """Open the display that suits the console."""
    if not console.is_terminal:
        yield PlainProgress(board, console)
        return
    with Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False) as live:
        yield LiveProgress(board, console, live)


class PlainProgress:
    """A display of plain lines: one per ended run, and a status line at intervals."""

    def __init__(self, board: ProgressTable[Any], console: Console) -> None:
        self._board, self._console = board, console
        self._spoke = time.monotonic()

    def show(self, event: Event[Launchable] | None) -> None:
        """Print the end of a run, or a status line after a long silence."""
        if event and isinstance(event.what, RunEnded | RunPruned | Failure | WaitingForResources):
            self._say(format_ended(self._board, event))
        elif time.monotonic() - self._spoke > QUIET_SECONDS:
            self._say(format_total(self._board))

    def _say(self, line: str) -> None:
        self._spoke = time.monotonic()
        self._console.print(Text(line), soft_wrap=True)


class LiveProgress:
    """A display with one line per run in progress and a total; failures stay above it."""

    def __init__(self, board: ProgressTable[Any], console: Console, live: Live) -> None:
        self._board, self._console, self._live = board, console, live
        self._drawn = 0.0

    def show(self, event: Event[Launchable] | None) -> None:
        """Redraw at most twice a second."""
        if event and isinstance(event.what, Failure | WaitingForResources):
            self._console.print(Text(format_ended(self._board, event)))
        if time.monotonic() - self._drawn > REDRAW_SECONDS:
            self._drawn = time.monotonic()
            self._live.update(build_progress_table(self._board), refresh=True)


def build_progress_table(board: ProgressTable[Any]) -> Table:
    """Return the rows of the runs in progress, and the total."""
    rows = Table.grid(padding=(0, 1), expand=False)
    rows.add_column(no_wrap=True, overflow="ellipsis")
    for _ in range(4):
        rows.add_column(no_wrap=True, justify="right")
    rows.add_row(*(Text(word, style="dim") for word in ("running", "step", "reward", "acc", "left")))
    for row in list(board.rows.values()):
        rows.add_row(row.name, *_figures(row))
    whole = Table.grid()
    whole.add_row(rows)
    whole.add_row(Text(format_total(board), style="bold"))
    return whole


def format_total(board: ProgressTable[Any]) -> str:
    """Return the counts of finished, pruned, failed and running runs, and the time left."""
    others = "".join(
        f", {count} {word}" for count, word in ((board.pruned, "pruned"), (board.failed, "failed")) if count
    )
    left = f", about {format_duration(board.seconds_left())} left" if board.ended < board.total else ""
    return f"{board.finished}/{board.total} finished{others}, {len(board.rows)} running{left}"


def format_ended(board: ProgressTable[Any], event: Event[Launchable]) -> str:
    """Return one line about a run that finished, was pruned, failed, or has no place."""
    what = event.what
    if isinstance(what, WaitingForResources):
        return what.what
    done = f"[{board.ended}/{board.total}] {board.name(event.run)}"
    if isinstance(what, Failure):
        return f"{done}: {_how(what)}: {what.cause}"
    if isinstance(what, RunPruned):
        return f"{done}: pruned at step {what.step} of {event.run.steps}"
    assert isinstance(what, RunEnded)
    return f"{done}: {what.summary()}"


def _how(failure: Failure) -> str:
    if failure.lost:
        return "lost too often" if failure.final else "lost, continues on another node"
    return "failed" if failure.final else "failed, retried"


def _figures(row: ProgressRow) -> tuple[str, str, str, str]:
    if row.step is None:
        return "starting", "", "", ""
    reward, accuracy = (_number(row.shown.get(name)) for name in ("reward", "accuracy"))
    return f"{row.step}/{row.steps}", reward, accuracy, format_duration(row.seconds_left())


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


PERIOD: Final = 5.0  # seconds between two samples; one costs about 10 ms


class SweepUsage:
    """Periodic samples of the process tree's memory; processes on other machines are not seen."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._next = time.monotonic() + PERIOD
        self.peak_memory_mb = 0.0  # sum of resident memory; pages that processes share count in each

    def sample(self) -> None:
        """Sample the memory if a period has passed since the last sample."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PERIOD
        total = 0
        for process in (self._process, *self._process.children(recursive=True)):
            with suppress(psutil.Error):  # the process has ended
                total += process.memory_info().rss
        self.peak_memory_mb = max(self.peak_memory_mb, total / 2**20)

    def wall_seconds(self) -> float:
        """Return the seconds since this process started, imports included."""
        return time.time() - self._process.create_time()


NEXT: Final = "next: " + choose_command(
    "make ui, make tables, make figures",
    "liteppo ui, python -m analysis tables, python -m analysis figures",
)


def print_costs(console: Console, records: Sequence[RunRecord], usage: SweepUsage, cores: float | None) -> None:
    """Print the runs, remarks on their prompts, seconds and memory.

    Args:
        console: where to print
        records: the records of this sweep
        usage: the memory of the process tree
        cores: the cores that the runs could use, if known

    """
    finished = [record for record in records if record.status == "finished"]
    failed = [record for record in records if record.status == "failed"]
    console.print(
        Text(f"{len(finished)} runs finished, {len(failed)} failed, wall time {format_duration(usage.wall_seconds())}")
    )
    for record in failed:
        console.print(Text(f"failed: {record.run_id}: {record.error}"))
    for path, note in sorted({(_model(record), note) for record in finished for note in _notes(record)}):
        console.print(Text(f"prompts of {path}: {note}"))
    if finished:
        console.print(Text(_costs(finished, usage, cores)))


def print_results(console: Console, grid: Grid, results: Path) -> None:
    """Print the result table and the next commands.

    The analysis package computes the table in its own process.

    Args:
        console: where to print
        grid: the grid
        results: the folder of results

    """
    words = ["summary", f"grid={grid.name}", f"profile={grid.profile}", f"results={results}"]
    size = {"COLUMNS": str(console.width)} if console.is_terminal else {}
    console.file.flush()
    subprocess.run([sys.executable, "-m", "analysis", *words], check=False, env={**os.environ, **size})
    console.print(Text(NEXT))


def _model(record: RunRecord) -> str:
    path: str = record.config["model"]["path"]
    return path


def _notes(record: RunRecord) -> list[str]:
    """Return the run's remarks on how the tokenizer begins and ends prompts."""
    return [record.provenance["prompts"]] if "prompts" in record.provenance else []


def _costs(finished: Sequence[RunRecord], usage: SweepUsage, cores: float | None) -> str:
    wall, cpu = usage.wall_seconds(), sum(record.cpu_seconds for record in finished)
    largest = max(record.peak_memory_mb for record in finished) / 1024
    overhead = f" on {cores:g} cores: overhead {wall * cores / max(cpu, 1e-9):.2f}" if cores else ""
    return (
        f"{cpu:.0f} CPU s in runs, {wall:.0f} s wall{overhead}; memory {largest:.2f} GB per run, "
        f"{usage.peak_memory_mb / 1024:.2f} GB in total"
    )
