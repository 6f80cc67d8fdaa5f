"""Print the end of a sweep: runs, cost, result table and next commands."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psutil
from rich.text import Text

from harness.common.clone import choose_command
from harness.common.text import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from harness.records.record import RunRecord
    from sweeps.grid.grid import Grid


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
