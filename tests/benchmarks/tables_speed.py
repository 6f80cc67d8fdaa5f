"""Seconds from 10,000 recorded runs to written tables: ``python -m tests.benchmarks.tables_speed [runs]``.

MLflow would take a quarter of an hour to log them, so one run goes through it and SQL copies that run. Every
copy has its own record; params, tags and curves are as many as a real run leaves.
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
from uuid import uuid4

from harness.records.record import RunRecord, Study
from harness.tracking.store import Store
from harness.tracking.tags import CELL, RECORD, RUN_TAG_LIMIT, SEED, cell_and_seed, encode_record, pack_tags

STUDIES = 10
SEEDS = 5
STEPS = 30
METRICS = 35
BAR = 15.0  # seconds

AXES = {
    "norm": ("none", "group", "batch", "group_mean", "mixed"),
    "model": ("small_base", "small_aligned", "large_base", "large_aligned"),
    "difficulty": ("easy", "medium", "hard", "mixed", "all"),
    "scale": ("zero_one", "plus_minus_one"),
}


def main(runs: int) -> int:
    """Build the store, time a whole process, report. Exit code 1 above the bar."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        started = time.perf_counter()
        fill(results, runs)
        size = (results / "mlflow.db").stat().st_size / 1e9
        print(f"built {runs} runs in {time.perf_counter() - started:.0f} s, {size:.1f} GB")
        seconds = [_timed(results) for _ in range(3)]
    print(f"tables of {runs} runs: {', '.join(f'{each:.1f}' for each in seconds)} s (bar {BAR} s)")
    return int(median(seconds) > BAR)


def _timed(results: Path) -> float:
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-m", "analysis", "tables", f"results={results}"]
    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def fill(results: Path, runs: int) -> None:
    """A store with so many runs, spread over STUDIES grids."""
    store = Store.open(results)
    draws = Random(0)
    indexes: list[str] = []
    for number in range(STUDIES):
        study, records = _grid(f"grid_{number}", runs // STUDIES, draws)
        store.save_study(study)
        handle = store.begin(records[0].head)
        for step in range(1, STEPS + 1):
            store.log(handle, step, {f"metric/{place}": step / STEPS for place in range(METRICS)})
        store.finish(handle, records[0])
        with closing(sqlite3.connect(results / "mlflow.db")) as database, database:
            indexes += _drop_indexes(database)
            copy_run(database, handle.uuid, records[1:])
    with closing(sqlite3.connect(results / "mlflow.db")) as database, database:
        for statement in indexes:
            database.execute(statement)


def _drop_indexes(database: sqlite3.Connection) -> list[str]:
    """Drop the metrics' indexes, for ten million rows are faster without; the statements that make them again."""
    found = database.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'metrics' AND sql > ''"
    )
    statements = dict(found.fetchall())
    for name in statements:
        database.execute(f"DROP INDEX {name}")
    return list(statements.values())


def _grid(name: str, runs: int, draws: Random) -> tuple[Study, list[RunRecord]]:
    cells = [dict(zip(AXES, labels, strict=True)) for labels in product(*AXES.values())][: runs // SEEDS]
    identifiers = tuple(f"{name}{number:03}" for number in range(len(cells)))
    seeds = tuple(range(SEEDS))
    study = Study(
        name, "laptop", "How fast?", "final/accuracy", AXES, {"norm": "none"}, seeds, tuple(cells), identifiers
    )
    points = zip(identifiers, cells, strict=True)
    return study, [record(study, cell_id, labels, seed, draws) for cell_id, labels in points for seed in seeds]


def record(study: Study, cell_id: str, labels: dict[str, str], seed: int, draws: Random) -> RunRecord:
    """A finished run with random scores and as many settings as a real one has."""
    names = ("final/accuracy", "final/pass@8", "final/truncated", "final/length", "train/policy/entropy")
    parts = ("model", "data", "optim", "eval", "rollout", "reward")
    return RunRecord(
        run_id=f"{cell_id}-s{seed}",
        cell_id=cell_id,
        study=study.name,
        profile=study.profile,
        labels=labels,
        seed=seed,
        status="finished",
        scores={name: draws.random() for name in (*names, *(f"train/metric/{place}" for place in range(METRICS - 5)))},
        config={part: {f"setting_{place}": draws.random() for place in range(10)} for part in parts},
        rule={"advantages": ("Normalize(mean='group', std='group')",), "surrogate": ("ClippedSurrogate(0.2, 0.28)",)},
        provenance={"commit": "0" * 40, "dirty": "no", "python": "3.11.2", "torch": "2.13.0", "processor": "any"},
        wall_seconds=20.0,
        cpu_seconds=19.0 + draws.random(),
        peak_memory_mb=600.0,
    )


def copy_run(database: sqlite3.Connection, original: str, records: list[RunRecord]) -> None:
    """Copy MLflow's rows of one run under new ids, then give each copy its own record."""
    database.execute("PRAGMA cache_size = -500000")
    database.execute("PRAGMA synchronous = off")
    database.execute("CREATE TEMP TABLE copies (uuid TEXT PRIMARY KEY, name TEXT, cell TEXT, seed TEXT, record TEXT)")
    packed = ((record, pack_tags(RECORD, encode_record(record), RUN_TAG_LIMIT)) for record in records)
    rows = [  # one chunk each, or SQLite objects
        (uuid4().hex, record.run_id, *cell_and_seed(record.run_id), *chunks.values()) for record, chunks in packed
    ]
    database.executemany("INSERT INTO copies VALUES (?, ?, ?, ?, ?)", rows)
    for table in ("runs", "params", "tags", "latest_metrics", "metrics"):
        _copy_table(database, table, original)
    database.execute(
        "UPDATE tags SET value = copies.record FROM copies WHERE copies.uuid = tags.run_uuid AND tags.key = ?",
        (f"{RECORD}.0",),
    )
    for tag, place in ((CELL, "cell"), (SEED, "seed")):
        database.execute(
            f"UPDATE tags SET value = copies.{place} FROM copies WHERE copies.uuid = tags.run_uuid AND tags.key = ?",
            (tag,),
        )
    database.execute("DROP TABLE copies")


def _copy_table(database: sqlite3.Connection, table: str, original: str) -> None:
    columns = [f'"{row[1]}"' for row in database.execute(f"PRAGMA table_info({table})")]
    own = {'"run_uuid"': "copies.uuid", '"name"': "copies.name"}
    values = ", ".join(own.get(column, f"source.{column}") for column in columns)
    database.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} AS source CROSS JOIN copies "
        "WHERE source.run_uuid = ?",
        (original,),
    )


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
