"""The plan and run commands of the sweep driver.

Finished runs of other studies are reused: the same settings, seed, code and environment give the same bits.

``run_sweep`` locks the study, repairs it, plans, launches runs and prints results.
"""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rich.text import Text

from harness.common import SchemaError, atomic_write_folder
from harness.records import DATA_PREFIX, RunRecord, collect_provenance
from harness.tracking import RECORD_FILE, Store, publish_missing
from sweeps.cost import DEFAULTS
from sweeps.launch import (
    ProgressTable,
    Recorder,
    SweepError,
    SweepUsage,
    acquire_lease,
    dispatch_runs,
    hold_study_lock,
    open_progress,
    parallel_runs,
    print_costs,
    print_results,
    read_data,
    refuse_unready,
    run_names,
)
from sweeps.options import ONCE
from sweeps.plan import build_study, make_plan, print_plan, read_prior_studies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from sweeps.grid import Grid
    from sweeps.launch import UnrecordedRuns
    from sweeps.options import SweepOptions
    from sweeps.plan import Plan, PlannedRun


ADOPTED: Final = "adopted from"  # in the provenance: the study that made the run


def reuse_finished_runs(runs: Iterable[PlannedRun], folder: Path) -> tuple[str, ...]:
    """Copy finished runs of other studies to the folders of these runs, and return their ids.

    A run is reused if its settings, seed, commit, packages and processor are the same, and if the code has no local
    changes. ``publish`` sends the copies to MLflow.
    """
    made = _by_run_id(folder)
    return tuple(run.run_id for run in runs if any(_copied(run, other, folder) for other in made.get(run.run_id, ())))


def _by_run_id(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        found.setdefault(path.name.rpartition(".")[2], []).append(path)
    return found


def _copied(run: PlannedRun, other: Path, folder: Path) -> bool:
    """Copy the folder of another study's run if it holds the same run, and return True."""
    target, record = folder / run.folder, _record(other)
    if record is None or other == target or record.study == run.study or not _same(record, run.provenance):
        return False
    about = {**record.provenance, ADOPTED: record.provenance.get(ADOPTED, record.study)}
    own = replace(record, study=run.study, profile=run.profile, labels=run.labels, provenance=about)

    def fill(draft: Path) -> None:
        shutil.copytree(other, draft, ignore=shutil.ignore_patterns(RECORD_FILE, ".*"), dirs_exist_ok=True)
        (draft / RECORD_FILE).write_text(own.to_json(), encoding="utf-8")

    atomic_write_folder(target, fill)  # also in place of what an interrupted run has left
    return True


def _record(folder: Path) -> RunRecord | None:
    try:
        return RunRecord.from_json((folder / RECORD_FILE).read_text(encoding="utf-8"))
    except (OSError, SchemaError, json.JSONDecodeError, UnicodeDecodeError):
        return None


def _same(record: RunRecord, provenance: Mapping[str, str]) -> bool:
    """Return True if the record is finished and its code and machine are the current ones.

    Data tiers do not count, because they are named only after the plan is made.
    """
    known = {
        name: word for name, word in record.provenance.items() if name != ADOPTED and not name.startswith(DATA_PREFIX)
    }
    return record.status == "finished" and provenance.get("dirty") == "no" and known == dict(provenance)


OK, FAILED, INTERRUPTED = 0, 1, 130
STOPPING: Final = 5.0  # seconds to wait for MLflow after Ctrl-C


def show_plan(grid: Grid, options: SweepOptions, console: Console) -> int:
    """Print the plan of a sweep. It writes nothing.

    Args:
        grid: the grid
        options: the options of the command
        console: where to print

    Returns:
        The exit code.

    """
    made, _ = _plan(grid, options, Store.open(options.results))
    print_plan(console, made, parallel_runs(made.to_run), options.effect)
    return OK


def run_sweep(grid: Grid, options: SweepOptions, console: Console) -> int:
    """Run the unfinished runs of a grid.

    Args:
        grid: the grid
        options: the options of the command
        console: where to print

    Returns:
        The exit code.

    """
    usage = SweepUsage()
    store = Store.open(options.results)
    with (
        hold_study_lock(options.results, grid.name),
        acquire_lease(store, grid.name, lambda line: console.print(Text(line))),
    ):
        _repair(grid, options, store, console)
        made, records = _plan(grid, options, store)
        if adopted := reuse_finished_runs(made.to_run, options.results / "runs"):
            publish_missing(store, options.results / "runs")
            console.print(Text(f"adopted {len(adopted)} runs of other studies: same settings, seed, code and machine"))
            made, records = _plan(grid, options, store)
        print_plan(console, made, parallel_runs(made.to_run), options.effect)
        store.save_study(build_study(made, records))
        if not made.to_run:
            console.print(Text("nothing to run: every planned run is finished", style="bold"))
            print_results(console, grid, options.results)
            return OK
        refuse_unready(made)
        for card in read_data(made.to_run):
            console.print(Text(card))
        recorder = Recorder(store, options.results, console)
        try:
            _fly(made.to_run, options.results / "runs", recorder, usage, console)
        except KeyboardInterrupt:
            _stop(grid, options, store, recorder, console)
            return INTERRUPTED
        except SweepError:
            if recorder.heard:
                _stop(grid, options, store, recorder, console)
            raise
        missing = recorder.close()
    return _conclude(grid, made, options, recorder, missing, usage, console)


def _repair(grid: Grid, options: SweepOptions, store: Store, console: Console) -> None:
    """Repair what a killed driver left unfinished, before anything is planned."""
    found = publish_missing(store, options.results / "runs")
    left = store.kill_orphaned_runs(grid.name, claimed=True)
    if found.added:
        console.print(Text(f"published {len(found.added)} finished runs that MLflow lacked"))
    if left:
        console.print(Text(f"{len(left)} runs of a sweep that died are marked KILLED and start again"))
    for line in found.faults:
        console.print(Text(f"left alone: {line}"))


def _plan(grid: Grid, options: SweepOptions, store: Store) -> tuple[Plan, list[RunRecord]]:
    records = store.records(grid.name)
    made = make_plan(
        grid,
        options.full,
        store.finished(grid.name),
        records,
        collect_provenance(),
        once=options.twins == ONCE,
        others=list(read_prior_studies(store, grid)),
        cluster=options.cluster or DEFAULTS.get(grid.profile),
    )
    return made, records


def _fly(runs: Sequence[PlannedRun], folder: Path, recorder: Recorder, usage: SweepUsage, console: Console) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    board = ProgressTable(runs, parallel_runs(runs) or len(runs), run_names(runs))
    with closing(dispatch_runs(runs, folder.absolute())) as events, open_progress(board, console) as display:
        for event in events:
            if event:
                board.on_event(event)
                recorder.on_event(event)
            display.show(event)
            usage.sample()


def _stop(grid: Grid, options: SweepOptions, store: Store, recorder: Recorder, console: Console) -> None:
    missing = recorder.close(STOPPING)
    ended = {record.run_id for record in recorder.records if record.status == "finished"}
    left = missing.waiting | missing.unwritten
    killed = (
        ""
        if left or recorder.is_unreachable
        else f", {len(store.kill_orphaned_runs(grid.name, claimed=True))} marked KILLED"
    )
    kept = len(ended - missing.unwritten)
    console.print(Text(f"interrupted: {kept} runs of this sweep are finished and kept{killed}"))
    _print_missing(console, missing, options)
    console.print(Text(f"resume with: {options.command()}"), soft_wrap=True)  # one line, so that it can be copied


def _conclude(
    grid: Grid,
    made: Plan,
    options: SweepOptions,
    recorder: Recorder,
    missing: UnrecordedRuns,
    usage: SweepUsage,
    console: Console,
) -> int:
    slots = parallel_runs(made.to_run)
    per_run = max(run.config.backend.num_cpus for run in made.to_run)
    print_costs(console, recorder.records, usage, min(slots, len(made.to_run)) * per_run if slots else None)
    if missing:
        _print_missing(console, missing, options)
        return FAILED
    print_results(console, grid, options.results)
    return FAILED if any(record.status == "failed" for record in recorder.records) else OK


def _print_missing(console: Console, missing: UnrecordedRuns, options: SweepOptions) -> None:
    for line in missing.lines(options.results, options.command()):
        console.print(Text(line), soft_wrap=True)
