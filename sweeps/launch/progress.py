"""Show the progress of a sweep on a terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.common.text import duration
from sweeps.grid.cells import varied
from sweeps.launch.events import Failure, RunFinished, RunStarted, RunStepped, WaitingForResources
from sweeps.plan.estimate import makespan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from sweeps.launch.events import Event
    from sweeps.plan.plan import PlannedRun


@dataclass(slots=True)
class ProgressRow:
    """One run in progress."""

    name: str
    steps: int
    expected: float  # seconds
    step: int | None = None
    trained_since: float = 0.0  # monotonic seconds at step 0
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


class ProgressTable:
    """The counts of runs, the runs in progress, and the time left."""

    def __init__(self, runs: Sequence[PlannedRun], slots: int) -> None:
        self._axes = varied([run.labels for run in runs])
        self._waiting = {run.run_id: run.seconds for run in runs}
        self._slots = slots
        self.total, self.finished, self.failed = len(runs), 0, 0
        self.rows: dict[str, ProgressRow] = {}

    def name(self, run: PlannedRun) -> str:
        """Return the labels in which the runs differ, and the seed."""
        return " ".join([*(run.labels[axis] for axis in self._axes), f"s{run.config.seed}"])

    def hear(self, event: Event) -> None:
        """Update the table with an event."""
        run, what = event.run, event.what
        if isinstance(what, RunStarted):
            self._waiting.pop(run.run_id, None)
            self.rows[run.run_id] = ProgressRow(self.name(run), run.config.steps, run.seconds)
        elif isinstance(what, RunStepped):
            self._step(self.rows[run.run_id], what)
        elif isinstance(what, RunFinished | Failure):
            self.rows.pop(run.run_id, None)
            self.finished += isinstance(what, RunFinished)
            self.failed += isinstance(what, Failure) and what.final
            if isinstance(what, Failure) and not what.final:
                self._waiting[run.run_id] = run.seconds

    def seconds_left(self) -> float:
        """Return the estimated seconds until the last run ends."""
        running = [row.seconds_left() for row in self.rows.values()]
        return makespan([*running, *self._waiting.values()], self._slots)

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

    def show(self, event: Event | None) -> None:
        """Show an event that the table has counted, or None after a tick without events."""
        ...


@contextmanager
def progress(board: ProgressTable, console: Console) -> Iterator[SweepProgress]:
    """Open the display that suits the console."""
    if not console.is_terminal:
        yield PlainProgress(board, console)
        return
    with Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False) as live:
        yield LiveProgress(board, console, live)


class PlainProgress:
    """A display of plain lines: one per ended run, and a status line at intervals."""

    def __init__(self, board: ProgressTable, console: Console) -> None:
        self._board, self._console = board, console
        self._spoke = time.monotonic()

    def show(self, event: Event | None) -> None:
        """Print the end of a run, or a status line after a long silence."""
        if event and isinstance(event.what, RunFinished | Failure | WaitingForResources):
            self._say(ended(self._board, event))
        elif time.monotonic() - self._spoke > QUIET_SECONDS:
            self._say(total(self._board))

    def _say(self, line: str) -> None:
        self._spoke = time.monotonic()
        self._console.print(Text(line), soft_wrap=True)


class LiveProgress:
    """A display with one line per run in progress and a total; failures stay above it."""

    def __init__(self, board: ProgressTable, console: Console, live: Live) -> None:
        self._board, self._console, self._live = board, console, live
        self._drawn = 0.0

    def show(self, event: Event | None) -> None:
        """Redraw at most twice a second."""
        if event and isinstance(event.what, Failure | WaitingForResources):
            self._console.print(Text(ended(self._board, event)))
        if time.monotonic() - self._drawn > REDRAW_SECONDS:
            self._drawn = time.monotonic()
            self._live.update(table(self._board), refresh=True)


def table(board: ProgressTable) -> Table:
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
    whole.add_row(Text(total(board), style="bold"))
    return whole


def total(board: ProgressTable) -> str:
    """Return the counts of finished, failed and running runs, and the time left."""
    failed = f", {board.failed} failed" if board.failed else ""
    ended = board.finished + board.failed
    left = f", about {duration(board.seconds_left())} left" if ended < board.total else ""
    return f"{board.finished}/{board.total} finished{failed}, {len(board.rows)} running{left}"


def ended(board: ProgressTable, event: Event) -> str:
    """Return one line about a run that finished, failed, or has no place."""
    if isinstance(event.what, WaitingForResources):
        return event.what.what
    done = f"[{board.finished + board.failed}/{board.total}] {board.name(event.run)}"
    if isinstance(event.what, Failure):
        return f"{done}: {_how(event.what)}: {event.what.cause}"
    assert isinstance(event.what, RunFinished)
    record = event.what.record
    scores = [f"{record.scores[f'{moment}/accuracy']:.3f}" for moment in ("start", "final")]
    return f"{done}: accuracy {' -> '.join(scores)}, {duration(record.wall_seconds)}"


def _how(failure: Failure) -> str:
    if failure.lost:
        return "lost too often" if failure.final else "lost, continues on another node"
    return "failed" if failure.final else "failed, tried again"


def _figures(row: ProgressRow) -> tuple[str, str, str, str]:
    if row.step is None:
        return "starting", "", "", ""
    reward, accuracy = (_number(row.shown.get(name)) for name in ("reward", "accuracy"))
    return f"{row.step}/{row.steps}", reward, accuracy, duration(row.seconds_left())


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
