"""Studies whose scores are given as lists, one value a seed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from analysis.study.runs import build_runs_frame, select_planned
from harness.records.record import Study
from tests.analysis.samples import STUDY, run

SIX = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06)  # mean 0.035, deviation 0.0187083, t 4.582576 with 5 df, p 0.005934


def taken(study: Study, by_cell: Mapping[int, Sequence[float]], **more: Mapping[int, Sequence[float]]) -> pd.DataFrame:
    """Runs of these cells under seeds 0, 1, ...; ``more``: other scores, with ``__`` for a slash in their names."""
    records = []
    for cell, values in by_cell.items():
        for seed, value in enumerate(values):
            others = {name.replace("__", "/"): scores[cell][seed] for name, scores in more.items() if cell in scores}
            record = run(cell, seed, value)
            records.append(replace(record, scores={**record.scores, **others}))
    return select_planned(build_runs_frame(records), study)


def against_half(differences: Sequence[float]) -> dict[int, Sequence[float]]:
    """Cell 1 beside its baseline, cell 0, that scores 0.5 under every seed."""
    return {0: [0.5 for _ in differences], 1: [0.5 + difference for difference in differences]}


def wide(**changes) -> Study:
    return replace(STUDY, seeds=tuple(range(6)), **changes)
