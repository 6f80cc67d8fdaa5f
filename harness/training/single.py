"""One run in this process, with progress in the terminal and a record in MLflow."""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness.checkpoint import describe_resume
from harness.common import (
    TERMINAL_SIGNALS,
    BusyError,
    Preempted,
    ResourceMeter,
    SchemaError,
    atomic_write,
    choose_command,
    explain_out_of_memory,
    hold_lock,
    results_folder,
)
from harness.config import list_hints, load_config
from harness.data import DataError
from harness.engines.base import Diverged, EngineError, ParityError
from harness.models import ModelError
from harness.records import build_failed_record, collect_provenance, describe_error
from harness.rollouts import list_remarks, read_run_problems
from harness.tracking import OUTBOX_FOLDER, PATIENCE, REPAIR_COMMAND, TRACE_FILE, Store, StoreError, Uploader
from tricks import TrickError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.config import ExperimentConfig
    from harness.records import RunRecord
    from harness.training.loop import StepReport
    from harness.training.run import RunSpec

_WIDTH: Final = 28  # characters of a score's name
# The import of MLflow and its first database take three CPU seconds and over 100 MB. A run that ends in this time pays
# for them when its steps are done and their memory is free; a longer one appears in MLflow's pages after it.
UNSENT: Final = 60.0  # seconds
STOPPING: Final = 5.0  # seconds that a stopped run waits for MLflow
LOCK: Final = ".lock"  # in the folder of a run
STUDY: Final = "single"  # the MLflow experiment of runs outside a grid


def run_single(overrides: Sequence[str]) -> int:
    """Run what the overrides describe and return the exit code.

    The code is 2 for a wrong setting, 1 for a failure and 130 for a stopped run.
    """
    try:
        config = load_config(*overrides)
        record = _run(config, results_folder())
    except (SchemaError, TrickError, ModelError, DataError) as error:
        print(error, file=sys.stderr)
        return 2
    except (StoreError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except (Diverged, EngineError, ParityError) as error:
        print(describe_error(error), file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError) as error:
        print(explain_out_of_memory(error), file=sys.stderr)
        return 1
    except (Preempted, KeyboardInterrupt) as stopped:
        print(str(stopped) or "stopped; the same command restarts the run", file=sys.stderr)
        return 130
    _print_scores(record)
    return 0


def _run(config: ExperimentConfig, results: Path) -> RunRecord:
    read = read_run_problems(config)
    from harness.models import load_tokenizer  # noqa: PLC0415 - transformers takes seconds; refuse before
    from harness.rollouts import Prompts  # noqa: PLC0415 - as above
    from harness.training.run import RunSpec  # noqa: PLC0415 - as above

    prompts = Prompts(config, load_tokenizer(config.model.path))
    spec = RunSpec(
        STUDY,
        "laptop",
        _labels(config),
        config,
        {**collect_provenance(config.backend), **read.provenance(), **prompts.provenance()},
    )
    store = Store.open(results)
    store.kill_orphaned_runs(STUDY)
    print(f"run {config.run_id()}  {config.model.path}  {config.steps} steps\n{_algorithm(config)}")
    for name, reasons in config.update_rule().no_effect_reasons().items():
        print(f"{name} cannot act: {'; '.join(reasons)}")
    for note in prompts.notes:
        print(f"prompts: {note}")
    for hint in list_hints(config):
        print(f"hint: {hint}")
    print(read.cards(), end="")
    for remark in list_remarks(config, read):
        print(remark)
    folder = results / "runs" / config.run_id()
    try:
        with hold_lock(folder / LOCK):
            return _recorded(store, spec, folder)
    except BusyError as holder:
        raise SchemaError(
            f"{folder.name}: the same run is already in progress, started {holder}; wait for it or stop it"
        ) from None
    except KeyboardInterrupt:
        raise Preempted(f"stopped; the same command {describe_resume(folder)}") from None


def _recorded(store: Store, spec: RunSpec, folder: Path) -> RunRecord:
    from harness.training.run import FinishedRun, execute_run  # noqa: PLC0415 - as above

    head, results, usage = spec.head(), folder.parent.parent, ResourceMeter()
    uploader = Uploader(store, results, partial(print, file=sys.stderr), UNSENT)
    try:
        uploader.begin(head, folder.name)
        with _progress() as progress:
            bar = progress.add_task("", total=spec.config.steps)
            for item in execute_run(spec, folder, TERMINAL_SIGNALS):
                if isinstance(item, FinishedRun):
                    _end(uploader, item.record, results)
                    return item.record
                uploader.step(head.run_id, item.step, item.metrics)
                progress.update(bar, completed=item.step, description=_line(item))
    except (Preempted, KeyboardInterrupt):
        _stop(uploader, store)
        raise
    except Exception as error:  # any error is recorded as the end of the run
        with suppress(OSError):
            atomic_write(folder / TRACE_FILE, traceback.format_exc().encode())
        _end(uploader, build_failed_record(head, describe_error(error), usage.spent()), results)
        raise
    raise AssertionError("a run ends with its record")


def _end(uploader: Uploader, record: RunRecord, results: Path) -> None:
    """Record the end of the run. On a full disk, the data is uploaded from memory."""
    with suppress(OSError):
        uploader.end(record.run_id, record)
    if uploader.close(PATIENCE):
        print(
            f"the run is not in MLflow yet; it is kept in {results}/{OUTBOX_FOLDER}; send it with {REPAIR_COMMAND}",
            file=sys.stderr,
        )


def _stop(uploader: Uploader, store: Store) -> None:
    """Mark a stopped run KILLED, as a sweep does; otherwise it would stay RUNNING."""
    uploader.close(STOPPING)
    with suppress(StoreError):
        store.kill_orphaned_runs(STUDY)


def _labels(config: ExperimentConfig) -> dict[str, str]:
    """Return the run's differences from the plain baseline, as the user wrote them."""
    changes = "".join(f"{'-' if given is None else '+'}{name}" for name, given in config.tricks.items())
    written = {"preset": config.preset, "emulate": config.emulate.replace("none", ""), "tricks": changes}
    return {axis: label for axis, label in written.items() if label}


def _algorithm(config: ExperimentConfig) -> str:
    described = config.update_rule().describe()
    return "\n".join(f"  {hook:14} {' + '.join(lines) or '-'}" for hook, lines in described.items())


def _progress() -> Progress:
    columns = (MofNCompleteColumn(), BarColumn(bar_width=None), TimeRemainingColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=Console(stderr=True))


def _line(report: StepReport) -> str:
    accuracy = report.metrics.get("rollout/accuracy", report.metrics.get("eval/accuracy", 0.0))
    return f"accuracy {accuracy:.3f}"


def _print_scores(record: RunRecord) -> None:
    benchmarks = [f"final/{name}/avg@{_samples(record, name)}" for name in record.config["eval"]["benchmarks"]]
    several = benchmarks if len(benchmarks) > 1 else []
    for name in ("start/accuracy", "final/accuracy", "final/score", *several, "final/truncated", "final/length"):
        if name in record.scores:
            print(f"{name:{_WIDTH}} {record.scores[name]:8.3f}")
    if "best/step" in record.scores:
        step, accuracy = record.scores["best/step"], record.scores["best/accuracy"]
        print(f"{'best/accuracy':{_WIDTH}} {accuracy:8.3f}   (step {step:.0f}; the final step counts)")
    if record.never_fired:
        print(f"{'never fired':{_WIDTH}} {', '.join(record.never_fired)}")
    told = f"(one seed of {record.config['model']['path']}: a single run, not a finding)"
    print(f"{'seconds':{_WIDTH}} {record.wall_seconds:8.1f}   {told}")
    print(f"{choose_command('make ui', 'liteppo ui')} shows its curves in the experiment 'single'")


def _samples(record: RunRecord, benchmark: str) -> int:
    settings = record.config["eval"]
    samples: int = settings["samples_of"].get(benchmark, settings["samples"])
    return samples
