"""The state of a sweep as a person wants to see it, fed by events."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sweeps.cells import varied
from sweeps.estimate import makespan
from sweeps.events import Done, Failure, Hello, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sweeps.events import Event
    from sweeps.plan import PlannedRun


@dataclass(slots=True)
class Row:
    """A run that is running."""

    name: str
    steps: int
    expected: float  # seconds
    step: int | None = None
    trained_since: float = 0.0  # monotonic seconds at step 0
    started: float = field(default_factory=time.monotonic)
    shown: Mapping[str, float] = field(default_factory=dict)  # reward, accuracy

    def seconds_left(self) -> float:
        """From the pace of its own steps, before the first of them from the plan."""
        now = time.monotonic()
        if not self.step:
            return max(self.expected - (now - self.started), 0.0)
        return (now - self.trained_since) / self.step * (self.steps - self.step)


class Board:
    """Counts, running rows and the time left."""

    def __init__(self, runs: Sequence[PlannedRun], slots: int) -> None:
        self._axes = varied([run.labels for run in runs])
        self._waiting = {run.run_id: run.seconds for run in runs}
        self._slots = slots
        self.total, self.finished, self.failed = len(runs), 0, 0
        self.rows: dict[str, Row] = {}

    def name(self, run: PlannedRun) -> str:
        """The labels in which the runs differ, and the seed."""
        return " ".join([*(run.labels[axis] for axis in self._axes), f"s{run.config.seed}"])

    def hear(self, event: Event) -> None:
        """Take an event in."""
        run, what = event.run, event.what
        if isinstance(what, Hello):
            self._waiting.pop(run.run_id, None)
            self.rows[run.run_id] = Row(self.name(run), run.config.steps, run.seconds)
        elif isinstance(what, Report):
            self._step(self.rows[run.run_id], what)
        elif isinstance(what, Done | Failure):
            self.rows.pop(run.run_id, None)
            self.finished += isinstance(what, Done)
            self.failed += isinstance(what, Failure) and what.final
            if isinstance(what, Failure) and not what.final:
                self._waiting[run.run_id] = run.seconds

    def seconds_left(self) -> float:
        """Until the last run ends, if the plan's estimates hold for what has not begun."""
        running = [row.seconds_left() for row in self.rows.values()]
        return makespan([*running, *self._waiting.values()], self._slots)

    def _step(self, row: Row, report: Report) -> None:
        row.step = report.step
        if report.step == 0:
            row.trained_since = time.monotonic()
        found = {"reward": "reward/mean", "accuracy": "rollout/accuracy" if report.step else "eval/accuracy"}
        row.shown = {name: report.metrics[key] for name, key in found.items() if key in report.metrics}
