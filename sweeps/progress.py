"""Progress on a terminal, redrawn in place, or as plain lines where the output goes elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from rich.live import Live
from rich.table import Table
from rich.text import Text

from sweeps.events import Done, Failure, Wait
from sweeps.phrases import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from sweeps.board import Board, Row
    from sweeps.events import Event

REDRAW_SECONDS: Final = 0.5
QUIET_SECONDS: Final = 30.0  # plain lines: the longest silence


class Progress(Protocol):
    """Shows the board."""

    def show(self, event: Event | None) -> None:
        """Something happened, or nothing for a while; the board has heard of it already."""
        ...


@contextmanager
def progress(board: Board, console: Console) -> Iterator[Progress]:
    """The display that suits the console."""
    if not console.is_terminal:
        yield Lines(board, console)
        return
    with Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False) as live:
        yield Redrawn(board, console, live)


class Lines:
    """One line a finished or failed run, and one in a while."""

    def __init__(self, board: Board, console: Console) -> None:
        self._board, self._console = board, console
        self._spoke = time.monotonic()

    def show(self, event: Event | None) -> None:
        """Print what has ended, or a sign of life."""
        if event and isinstance(event.what, Done | Failure | Wait):
            self._say(ended(self._board, event))
        elif time.monotonic() - self._spoke > QUIET_SECONDS:
            self._say(total(self._board))

    def _say(self, line: str) -> None:
        self._spoke = time.monotonic()
        self._console.print(Text(line), soft_wrap=True)


class Redrawn:
    """A line a running run and a total; failures stay above."""

    def __init__(self, board: Board, console: Console, live: Live) -> None:
        self._board, self._console, self._live = board, console, live
        self._drawn = 0.0

    def show(self, event: Event | None) -> None:
        """Redraw twice a second at most."""
        if event and isinstance(event.what, Failure | Wait):
            self._console.print(Text(ended(self._board, event)))
        if time.monotonic() - self._drawn > REDRAW_SECONDS:
            self._drawn = time.monotonic()
            self._live.update(table(self._board), refresh=True)


def table(board: Board) -> Table:
    """What runs, and the total."""
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


def total(board: Board) -> str:
    """Finished, failed and running runs, and the time left."""
    failed = f", {board.failed} failed" if board.failed else ""
    ended = board.finished + board.failed
    left = f", about {duration(board.seconds_left())} left" if ended < board.total else ""
    return f"{board.finished}/{board.total} finished{failed}, {len(board.rows)} running{left}"


def ended(board: Board, event: Event) -> str:
    """One line about a run that finished or failed, or has no place."""
    if isinstance(event.what, Wait):
        return event.what.what
    done = f"[{board.finished + board.failed}/{board.total}] {board.name(event.run)}"
    if isinstance(event.what, Failure):
        return f"{done}: {_how(event.what)}: {event.what.cause}"
    assert isinstance(event.what, Done)
    record = event.what.record
    scores = [f"{record.scores[f'{moment}/accuracy']:.3f}" for moment in ("start", "final")]
    return f"{done}: accuracy {' -> '.join(scores)}, {duration(record.wall_seconds)}"


def _how(failure: Failure) -> str:
    if failure.lost:
        return "lost too often" if failure.final else "lost, goes on elsewhere"
    return "failed" if failure.final else "failed, tried again"


def _figures(row: Row) -> tuple[str, str, str, str]:
    if row.step is None:
        return "starting", "", "", ""
    reward, accuracy = (_number(row.shown.get(name)) for name in ("reward", "accuracy"))
    return f"{row.step}/{row.steps}", reward, accuracy, duration(row.seconds_left())


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
