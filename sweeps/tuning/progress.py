"""Show the progress of a tuning on a terminal, or as plain lines."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.common.text import duration
from sweeps.launch.progress import QUIET_SECONDS, REDRAW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from sweeps.tuning.trial import TrialJob, TrialStep


class TuneProgress:
    """The counts of trials, a line for each trial in progress, and the time left."""

    def __init__(self, console: Console, total: int, live: Live | None) -> None:
        self._console, self._total, self._live = console, total, live
        self._rows: dict[str, tuple[int, int, float]] = {}  # name of a job -> steps done, steps in all, accuracy
        self._done = self._stopped = self._failed = 0
        self._began = self._shown = time.monotonic()

    def start(self, job: TrialJob) -> None:
        """Show that a trial has started."""
        self._rows[job.name] = (0, job.config.steps * len(job.seeds), 0.0)
        self.tick()

    def step(self, job: TrialJob, what: TrialStep) -> None:
        """Show a step of a trial."""
        self._rows[job.name] = (
            what.place * job.config.steps + what.step,
            job.config.steps * len(job.seeds),
            what.accuracy,
        )
        self.tick()

    def finish(self, job: TrialJob, objective: float, seconds: float) -> None:
        """Show that a trial has finished.

        Args:
            job: the trial
            objective: its mean accuracy
            seconds: its duration

        """
        self._done += 1
        self._end(job, f"accuracy {objective:.3f}, {duration(seconds)}")

    def stop(self, job: TrialJob) -> None:
        """Show that a trial was pruned."""
        done, steps, _ = self._rows[job.name]
        self._stopped += 1
        self._end(job, f"pruned at step {done} of {steps}")

    def fail(self, job: TrialJob, cause: str, *, final: bool) -> None:
        """Show that a trial has failed.

        Args:
            job: the trial
            cause: the error in one line
            final: it is not tried again

        """
        self._failed += final
        self._end(job, f"{'failed' if final else 'failed, retried'}: {cause}")

    def tick(self) -> None:
        """Redraw, or print a status line, if enough time has passed."""
        now = time.monotonic()
        if now - self._shown < (REDRAW_SECONDS if self._live else QUIET_SECONDS):
            return
        self._shown = now
        if self._live:
            self._live.update(self._table(), refresh=True)
        else:
            self._console.print(Text(self._sum()), soft_wrap=True)

    def _end(self, job: TrialJob, what: str) -> None:
        self._rows.pop(job.name, None)
        self._shown = 0.0 if self._live else time.monotonic()
        self._console.print(Text(f"[{self._ended()}/{self._total}] {job.name}: {what}"), soft_wrap=True)

    def _ended(self) -> int:
        return self._done + self._stopped + self._failed

    def _table(self) -> Table:
        rows = Table.grid(padding=(0, 1))
        rows.add_row(*(Text(word, style="dim") for word in ("running", "step", "acc")))
        for name, (step, steps, accuracy) in self._rows.items():
            rows.add_row(name, f"{step}/{steps}" if step else "starting", f"{accuracy:.2f}" if step else "")
        whole = Table.grid()
        whole.add_row(rows)
        whole.add_row(Text(self._sum(), style="bold"))
        return whole

    def _sum(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        ended = f"{self._done} of {self._total} trials finished, {self._stopped} pruned{failed}"
        return f"{ended}, {len(self._rows)} running{self._left()}"

    def _left(self) -> str:
        ended = self._ended()
        if not ended or ended >= self._total:
            return ""
        each = (time.monotonic() - self._began) / ended
        return f", about {duration(each * (self._total - ended))} left"


@contextmanager
def tune_progress(console: Console, total: int) -> Iterator[TuneProgress]:
    """Open the display that suits the console; ``total`` is the number of trials to run."""
    if not console.is_terminal:
        yield TuneProgress(console, total, None)
        return
    with Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False) as live:
        yield TuneProgress(console, total, live)
