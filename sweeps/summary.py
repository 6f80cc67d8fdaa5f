"""The end of a sweep: what ran, what it cost, the result table and the next commands."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from rich.text import Text

from harness.clone import typed
from sweeps.phrases import duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from harness.records import RunRecord
    from sweeps.grid import Grid
    from sweeps.usage import SweepUsage

NEXT: Final = "next: " + typed(
    "make ui, make tables, make figures",
    "liteppo ui, python -m analysis tables, python -m analysis figures",
)


def print_costs(console: Console, records: Sequence[RunRecord], usage: SweepUsage, cores: float | None) -> None:
    """Print runs, oddities of their prompts, seconds and memory. ``cores``: those the runs could use, if known."""
    finished = [record for record in records if record.status == "finished"]
    failed = [record for record in records if record.status == "failed"]
    console.print(Text(f"{len(finished)} runs finished, {len(failed)} failed, in {duration(usage.wall_seconds())}"))
    for record in failed:
        console.print(Text(f"failed: {record.run_id}: {record.error}"))
    for path, note in sorted({(_model(record), note) for record in finished for note in _notes(record)}):
        console.print(Text(f"prompts of {path}: {note}"))
    if finished:
        console.print(Text(_costs(finished, usage, cores)))


def print_results(console: Console, grid: Grid, results: Path) -> None:
    """The result table, by the analysis package in its own process, and what to do next."""
    words = ["summary", f"grid={grid.name}", f"profile={grid.profile}", f"results={results}"]
    size = {"COLUMNS": str(console.width)} if console.is_terminal else {}
    console.file.flush()
    subprocess.run([sys.executable, "-m", "analysis", *words], check=False, env={**os.environ, **size})
    console.print(Text(NEXT))


def _model(record: RunRecord) -> str:
    path: str = record.config["model"]["path"]
    return path


def _notes(record: RunRecord) -> list[str]:
    """Return what its run found odd about how the tokenizer begins and ends prompts."""
    return [record.provenance["prompts"]] if "prompts" in record.provenance else []


def _costs(finished: Sequence[RunRecord], usage: SweepUsage, cores: float | None) -> str:
    wall, cpu = usage.wall_seconds(), sum(record.cpu_seconds for record in finished)
    largest = max(record.peak_memory_mb for record in finished) / 1024
    overhead = f" on {cores:g} cores: overhead {wall * cores / max(cpu, 1e-9):.2f}" if cores else ""
    return (
        f"{cpu:.0f} CPU s in runs, {wall:.0f} s wall{overhead}; "
        f"memory {largest:.2f} GB a run, {usage.peak_memory_mb / 1024:.2f} GB in all"
    )
