"""Seconds from a grid of 360 recorded runs to its tables and its page: ``python -m tests.benchmarks report_speed``.

60 cells, six seeds, 30 steps of 40 metrics. SQL copies one logged run; every copy has its own record and, in the
metrics that the page reads, its own noise.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from itertools import product
from pathlib import Path
from random import Random
from statistics import median

from harness.records.record import Study
from harness.tracking.store import Store
from tests.benchmarks.tables_speed import copy_run, record

SEEDS = 6
STEPS = 30
READ = ("rollout/accuracy", "policy/entropy", "response/length", "response/truncated", "update/clip_fraction_high")
COUNTED = {"rollout/tokens": 8_000.0, "seconds/cpu": 0.6}
OTHERS = 33  # metrics that the page does not read
BARS = {"tables": 10.0, "report": 20.0}  # seconds

AXES = {
    "norm": ("none", "group", "batch", "group_mean", "mixed"),
    "model": ("small_base", "small_aligned", "large_base", "large_aligned"),
    "difficulty": ("easy", "medium", "hard"),
}


def main() -> int:
    """Build the store, time whole processes, report. Exit code 1 above a bar."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        runs = fill(results)
        seconds = {command: [_timed(results, command) for _ in range(3)] for command in BARS}
        size = (results / "report.html").stat().st_size / 1e6
    for command, found in seconds.items():
        taken = ", ".join(f"{each:.1f}" for each in found)
        print(f"{command} of {runs} runs: {taken} s (bar {BARS[command]} s)")
    print(f"the page has {size:.1f} MB")
    return int(any(median(found) > BARS[command] for command, found in seconds.items()))


def fill(results: Path) -> int:
    """A store with one grid; how many runs it has."""
    store, draws = Store.open(results), Random(0)
    study = _study()
    store.save_study(study)
    cells = zip(study.cell_ids, study.cells, strict=True)
    records = [record(study, cell_id, dict(labels), seed, draws) for cell_id, labels in cells for seed in study.seeds]
    handle = store.begin(records[0].head)
    for step in range(1, STEPS + 1):
        own = dict.fromkeys(READ, 0.5 + 0.4 * step / STEPS)
        store.log(handle, step, {**own, **COUNTED, **{f"metric/{place}": 0.5 for place in range(OTHERS)}})
    store.finish(handle, records[0])
    with closing(sqlite3.connect(results / "mlflow.db")) as database, database:
        copy_run(database, handle.uuid, records[1:])
        named = ", ".join("?" for _ in READ)
        noise = "value + 0.1 * (random() / 9223372036854775808.0)"  # uniform within 0.1
        database.execute(f"UPDATE metrics SET value = {noise} WHERE step > 0 AND key IN ({named})", READ)
    return len(records)


def _study() -> Study:
    cells = tuple(dict(zip(AXES, labels, strict=True)) for labels in product(*AXES.values()))
    return Study(
        name="grid",
        profile="laptop",
        question="How fast?",
        metric="final/accuracy",
        axes=AXES,
        baseline={"norm": "none"},
        seeds=tuple(range(SEEDS)),
        cells=cells,
        cell_ids=tuple(f"grid{number:03}" for number in range(len(cells))),
        primary=({"difficulty": ("hard",)},),
        margin=0.03,
    )


def _timed(results: Path, analysis: str) -> float:
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-m", "analysis", analysis, f"results={results}"]
    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
