"""The ``tune`` command: search for values of a hyperparameter and write the file to review."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from harness.common import format_duration
from harness.records import collect_provenance
from sweeps.grid import collect_seeds, find_grid, find_hyperparameter, format_labels, read_grid, read_tuned_file
from sweeps.launch import (
    Event,
    Failure,
    ProgressTable,
    RunPruned,
    RunStarted,
    RunStepped,
    SweepError,
    Workload,
    dispatch_runs,
    hold_study_lock,
    open_progress,
    parallel_runs,
)
from sweeps.plan import START_SECONDS, print_header
from sweeps.tuning.result import TunedTarget, tuned_file, write_tuned
from sweeps.tuning.targets import tuning_targets
from sweeps.tuning.trial import TrialEnded, TrialJob
from sweeps.tuning.worker import run_trial

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from sweeps.grid import TunedFile
    from sweeps.options import TuneOptions
    from sweeps.tuning.study import Search
    from sweeps.tuning.targets import TuningTarget

OK, INTERRUPTED = 0, 130


def run_tuning(options: TuneOptions, console: Console) -> int:
    """Run trials until each model has its number, write the file, and return the exit code."""
    knob, path = find_hyperparameter(options.knob), find_grid(options.grid)
    grid = read_grid(path, options.profile)
    print_header(console, grid)
    chosen = tuning_targets(grid, knob, options, collect_seeds(path))
    folder = options.results / "tuned"
    target = folder / f"{options.name}.yaml"
    with hold_study_lock(folder, options.name):
        _refuse_reviewed(target)
        _print_plan(console, options, chosen)
        from sweeps.tuning.study import Search, open_database  # noqa: PLC0415 - Optuna takes a second

        with open_database(folder / f"{options.name}.db") as storage:
            commit = _commit()
            searches = [Search(storage, each, options.trials, commit) for each in chosen]
            try:
                _fly(searches, folder / f"{options.name}.traceback.txt", console)
            except KeyboardInterrupt:
                _stop(searches, options, console)
                return INTERRUPTED
            finally:
                for search in searches:
                    search.release()
            found = [TunedTarget(search.subject, search.outcomes()) for search in searches]
        file = tuned_file(grid, knob, options, found)
        write_tuned(target, file)
    _print_file(console, file, target)
    return OK


def _refuse_reviewed(target: Path) -> None:
    if target.is_file() and read_tuned_file(target).reviewed:
        raise SweepError(f"{target} is reviewed and would be overwritten; move it to sweeps/tuned first")


def _commit() -> str:
    about = collect_provenance()
    return about["commit"] + ("" if about["dirty"] == "no" else " with changes")


def _fly(searches: Sequence[Search], trace: Path, console: Console) -> None:
    queue = [search.subject for search in searches for _ in range(search.left())]
    if not queue:
        console.print(Text("nothing to run: every trial has ended", style="bold"))
        return
    board = ProgressTable[TrialJob](queue, parallel_runs(queue) or len(queue), lambda job: job.name)
    trials = _Trials(searches, board, trace)
    workload = Workload(run_trial, trials.begin, trials.stopped)
    with (
        closing(dispatch_runs(queue, trace.parent.absolute(), workload)) as events,
        open_progress(board, console) as display,
    ):
        for event in events:
            told = event and trials.on_event(event)
            if told:
                board.on_event(told)
            display.show(told)


class _Trials:
    """The trials of all models, as the launcher runs them."""

    def __init__(self, searches: Sequence[Search], board: ProgressTable[TrialJob], trace: Path) -> None:
        self._searches = {search.subject.label: search for search in searches}
        self._board, self._trace = board, trace
        self._began: dict[str, float] = {}  # run id -> monotonic seconds

    def begin(self, place: TuningTarget | TrialJob) -> TrialJob | None:
        """Return the trial to start: the one that is tried again, or one with a new value.

        A value is proposed only when there is room for it, so that all earlier outcomes count.
        """
        if isinstance(place, TrialJob):
            return place
        job = self._searches[place.label].ask()
        if job is None:
            self._board.drop(place)
        return job

    def stopped(self, job: TrialJob) -> bool:
        """Return True if a trial has been pruned."""
        return not self._searches[job.label].in_progress(job)

    def on_event(self, event: Event[TrialJob]) -> Event[TrialJob]:
        """Record an event in the study, and return the event to show."""
        job, what, search = event.run, event.what, self._searches[event.run.label]
        if isinstance(what, RunStarted):
            self._began[job.run_id] = time.monotonic()
            search.start(job)
        elif isinstance(what, RunStepped) and search.on_event(job, what):
            search.give_up(job, time.monotonic() - self._began[job.run_id])
            return Event(job, RunPruned(what.step))
        elif isinstance(what, TrialEnded):
            return Event(job, replace(what, objective=search.finish(job, what.seconds)))
        elif isinstance(what, Failure):
            self._trace.write_text(what.trace, encoding="utf-8")
            if what.final:
                search.fail(job, what.cause)
        return event


def _stop(searches: Sequence[Search], options: TuneOptions, console: Console) -> None:
    cut, kept = sum(search.release() for search in searches), sum(len(search.outcomes()) for search in searches)
    console.print(Text(f"interrupted: {kept} finished trials are kept, {cut} others start again"))
    console.print(Text(f"resume with: {options.command()}"), soft_wrap=True)  # one line, so that it can be copied


def _print_plan(console: Console, options: TuneOptions, chosen: Sequence[TuningTarget]) -> None:
    seconds = options.trials * sum(subject.seconds for subject in chosen) + START_SECONDS
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(overflow="fold")
    for subject in chosen:
        scale = "logarithmic" if subject.knob.log else "linear"
        table.add_row(
            subject.label,
            Text(
                f"{subject.knob.setting} from {subject.low:g} to {subject.high:g}, {scale}; own {subject.own:g}; "
                f"{subject.config.steps} steps at {format_labels(subject.cell)}"
            ),
        )
    seeds = ", ".join(map(str, options.seeds))
    table.add_row("trials", f"{options.trials} per model, each on seeds {seeds}; trials below the median are pruned")
    table.add_row("time", f"at most about {format_duration(seconds)} of run time on one core")
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
