"""CPU seconds of the verdicts of 360 runs, and of what stands beside: ``python -m tests.benchmarks.verdict_speed``.

60 cells in ten settings, once with 6 seeds and once with 10, from which on intervals are resampled.
"""

from __future__ import annotations

import sys
import time
from itertools import product
from random import Random
from typing import TYPE_CHECKING

from analysis.stats.aggregate import estimate_improvement, iqm_difference
from analysis.stats.noise_floor import measure_noise_floors
from analysis.stats.verdict import compute_verdicts, find_missing
from analysis.study.runs import build_runs_frame, select_planned
from harness.records.record import RunRecord, Study

if TYPE_CHECKING:
    import pandas as pd

BAR = 1.0  # CPU seconds of the verdicts of 360 runs
AXES = {"setting": tuple(f"s{number}" for number in range(10)), "arm": tuple(f"a{number}" for number in range(6))}
CELLS = tuple(dict(zip(AXES, labels, strict=True)) for labels in product(*AXES.values()))


def main() -> int:
    """Time both sizes. Exit code 1 above the bar."""
    seconds = {seeds: _timed(seeds) for seeds in (6, 10)}
    for seeds, (judged, beside) in seconds.items():
        print(f"{len(CELLS) * seeds} runs, {seeds} seeds: verdicts {judged:.2f} s, all beside them {beside:.2f} s")
    return int(seconds[6][0] > BAR)


def _timed(seeds: int) -> tuple[float, float]:
    """Of the verdicts, and of what is missing, the noise floor and the aggregates."""
    study, taken = _grid(seeds)
    compute_verdicts(study, taken)
    started = time.process_time()
    found = compute_verdicts(study, taken)
    judged = time.process_time()
    find_missing(study, taken)
    measure_noise_floors(study, taken)
    for verdict in found:
        iqm_difference(study, taken, verdict.contrast)
        estimate_improvement(study, taken, verdict.contrast)
    return judged - started, time.process_time() - judged


def _grid(seeds: int) -> tuple[Study, pd.DataFrame]:
    ids = tuple(f"c{number}" for number in range(len(CELLS)))
    numbers, baseline = tuple(range(seeds)), {"arm": "a0"}
    study = Study("speed", "laptop", "?", "final/accuracy", AXES, baseline, numbers, CELLS, ids, margin=0.02)
    draws = Random(0)
    records = [_record(study, cell, seed, draws) for cell in range(len(CELLS)) for seed in numbers]
    return study, select_planned(build_runs_frame(records), study)


def _record(study: Study, cell: int, seed: int, draws: Random) -> RunRecord:
    return RunRecord(
        run_id=f"c{cell}-s{seed}",
        cell_id=f"c{cell}",
        study=study.name,
        profile=study.profile,
        labels=CELLS[cell],
        seed=seed,
        status="finished",
        scores={"final/accuracy": draws.gauss(0.6, 0.02), **{f"train/{place}": draws.random() for place in range(60)}},
        config={},
        rule={},
        provenance={},
        wall_seconds=1.0,
        cpu_seconds=1.0,
        peak_memory_mb=1.0,
    )


if __name__ == "__main__":
    sys.exit(main())
