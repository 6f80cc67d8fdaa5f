"""The ``tune`` command: search for values of a hyperparameter and write the file to review."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from harness.common.text import duration
from harness.records.provenance import provenance
from sweeps.grid.cells import words
from sweeps.grid.grid import every_seed, find_grid, read_grid
from sweeps.grid.tuned import find_hyperparameter, read_tuned_file
from sweeps.launch.errors import SweepError
from sweeps.launch.events import Failure
from sweeps.launch.lease import study_lock
from sweeps.plan.estimate import START_SECONDS, Speed
from sweeps.plan.report import print_header
from sweeps.tuning.pool import pool
from sweeps.tuning.progress import tune_progress
from sweeps.tuning.result import Tuned, tuned_file, write_tuned
from sweeps.tuning.targets import tuning_targets
from sweeps.tuning.trial import TrialEnded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from sweeps.grid.tuned import TunedFile
    from sweeps.options import TuneOptions
    from sweeps.tuning.pool import Pool
    from sweeps.tuning.progress import TuneProgress
    from sweeps.tuning.study import Search
    from sweeps.tuning.targets import TuningTarget
    from sweeps.tuning.trial import Heard

OK, INTERRUPTED = 0, 130


def tune(options: TuneOptions, console: Console) -> int:
    """Run trials until each model has its number, write the file, and return the exit code."""
    knob, path = find_hyperparameter(options.knob), find_grid(options.grid)
    grid = read_grid(path, options.profile)
    print_header(console, grid)
    chosen = tuning_targets(grid, knob, options, every_seed(path))
    folder = options.results / "tuned"
    target = folder / f"{options.name}.yaml"
    with study_lock(folder, options.name):
        _refuse_reviewed(target)
        _print_plan(console, options, chosen)
        from sweeps.tuning.study import Search, database  # noqa: PLC0415 - Optuna takes a second

        with database(folder / f"{options.name}.db") as storage:
            commit = _commit()
            searches = [Search(storage, each, options.seeds, options.trials, commit) for each in chosen]
            try:
                _fly(searches, folder / f"{options.name}.traceback.txt", console)
            except KeyboardInterrupt:
                _stop(searches, options, console)
                return INTERRUPTED
            finally:
                for search in searches:
                    search.release()
            found = [Tuned(search.subject, search.outcomes()) for search in searches]
        file = tuned_file(grid, knob, options, found)
        write_tuned(target, file)
    _print_file(console, file, target)
    return OK


def _refuse_reviewed(target: Path) -> None:
    if target.is_file() and read_tuned_file(target).reviewed:
        raise SweepError(f"{target} is reviewed and would be overwritten; move it to sweeps/tuned first")


def _commit() -> str:
    about = provenance()
    return about["commit"] + ("" if about["dirty"] == "no" else " with changes")


def _fly(searches: Sequence[Search], trace: Path, console: Console) -> None:
    left = sum(search.left() for search in searches)
    if not left:
        console.print(Text("nothing to run: every trial has ended", style="bold"))
        return
    with pool() as workers, tune_progress(console, left) as display:
        flight = _InFlightTrial({search.subject.label: search for search in searches}, workers, display, trace)
        flight.start()
        while workers.running:
            for heard in workers.hear():
                flight.hear(heard)
            display.tick()
            flight.start()


class _InFlightTrial:
    """The trials in progress, and the handling of their messages."""

    def __init__(self, searches: Mapping[str, Search], workers: Pool, display: TuneProgress, trace: Path) -> None:
        self._searches, self._workers, self._display, self._trace = searches, workers, display, trace
        self._began: dict[str, float] = {}  # name of a job -> monotonic seconds

    def start(self) -> None:
        """Start the trials that fit.

        A value is proposed only when there is room for it, so that all earlier outcomes count.
        """
        for search in self._searches.values():
            while search.left() > 0 and self._workers.fits(search.subject):
                if job := search.ask():
                    self._began[job.name] = time.monotonic()
                    self._workers.start(job)
                    self._display.start(job)

    def hear(self, heard: Heard) -> None:
        """Record a worker's message, and stop its trial where it falls behind."""
        job, what, search = heard.job, heard.what, self._searches[heard.job.label]
        if isinstance(what, TrialEnded):
            self._display.finish(job, search.finish(job, what.seconds), what.seconds)
        elif isinstance(what, Failure):
            self._trace.write_text(what.trace, encoding="utf-8")
            self._display.fail(job, what.cause, final=search.fail(job, what.cause))
        else:
            self._display.step(job, what)
            if search.hear(job, what):
                self._workers.stop(job)
                search.give_up(job, time.monotonic() - self._began[job.name])
                self._display.stop(job)


def _stop(searches: Sequence[Search], options: TuneOptions, console: Console) -> None:
    cut, kept = sum(search.release() for search in searches), sum(len(search.outcomes()) for search in searches)
    console.print(Text(f"interrupted: {kept} finished trials are kept, {cut} others start again"))
    console.print(Text(f"resume with: {options.command()}"), soft_wrap=True)  # one line, so that it can be copied


def _print_plan(console: Console, options: TuneOptions, chosen: Sequence[TuningTarget]) -> None:
    runs = options.trials * len(options.seeds)
    seconds = runs * sum(Speed.of(()).seconds(subject.config) for subject in chosen) + START_SECONDS
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(overflow="fold")
    for subject in chosen:
        scale = "logarithmic" if subject.knob.log else "linear"
        table.add_row(
            subject.label,
            Text(
                f"{subject.knob.setting} from {subject.low:g} to {subject.high:g}, {scale}; own {subject.own:g}; "
                f"{subject.config.steps} steps at {words(subject.cell)}"
            ),
        )
    seeds = ", ".join(map(str, options.seeds))
    table.add_row("trials", f"{options.trials} per model, each on seeds {seeds}; trials below the median are pruned")
    table.add_row("time", f"at most about {duration(seconds)} of run time on one core")
    console.print(table)


def _print_file(console: Console, file: TunedFile, target: Path) -> None:
    table = Table.grid(padding=(0, 1))
    for label, model in file.models.items():
        own = "" if model.own.objective is None else f" (own {model.own.value:g}: {model.own.objective:.3f})"
        table.add_row(label, f"{file.knob}={model.value:g}", f"{model.objective:.3f}{own}")
    console.print(table)
    for label, model in file.models.items():
        for note in model.notes:
            console.print(Text(f"{label}: {note}"))
    console.print(Text(f"wrote {target}"), soft_wrap=True)
    console.print(
        Text("next: review the file, write your name after 'reviewed', copy it to sweeps/tuned and name it in the grid")
    )
