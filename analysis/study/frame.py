"""Run records as a data frame: one row per run, with its scores as columns."""

from __future__ import annotations

from math import isfinite, isnan
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from harness.records.failures import classify_failure
from harness.records.record import DATA_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from harness.records.failures import FailureReason
    from harness.records.record import RunRecord, Study

Scores = dict[int, dict[int, float]]  # cell (its index in Study.cells) -> seed -> score
Failures = dict[int, dict[int, "FailureReason"]]  # cell -> seed -> "arm" or "unknown"

# Identity and cost of a run; its scores follow under their own names, such as "final/accuracy".
RUN_COLUMNS: Final = (
    "run_id",
    "cell_id",
    "profile",
    "seed",
    "status",
    "error",
    "commit",
    "dirty",
    "environment",
    "data",
    "cpu_seconds",
    "wall_seconds",
    "undefined",
)
_ENVIRONMENT: Final = ("python", "torch", "transformers", "numpy", "vllm", "deepspeed", "processor")


def build_runs_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Return one row per run: the columns of ABOUT, then all scores (NaN if a run has none)."""
    rows = [_row(record) for record in records]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(RUN_COLUMNS))


def select_planned(runs: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the runs of the study's cells, with the column ``cell`` added.

    Two cells with equal settings share their runs.
    """
    cells = pd.DataFrame({"cell_id": list(study.cell_ids), "cell": range(len(study.cell_ids))})
    return runs[runs["profile"] == study.profile].merge(cells, on="cell_id")


def select_finished(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the finished runs."""
    return runs[runs["status"] == "finished"]


def read_scores(runs: pd.DataFrame, name: str) -> Scores:
    """Return a score of the finished runs by cell and seed; runs without it are left out."""
    found: Scores = {}
    if name in runs:
        known = select_finished(runs).dropna(subset=[name])
        for cell, seed, value in zip(known["cell"], known["seed"], known[name], strict=True):
            found.setdefault(cell, {})[seed] = value
    return found


def read_failures(runs: pd.DataFrame, name: str) -> Failures:
    """Return the runs that count as failed for a score, by cell and seed, with the reason.

    A failed run counts by its recorded error, unless it was lost for an outside reason. A finished run with a recorded
    score that is not finite failed for a reason of its arm. A finished run without a score that other runs have failed
    for an unknown reason: its record may be older than the score.
    """
    found: Failures = {}
    for cell, seed, why in _lost(runs, name):
        if why != "outside":
            found.setdefault(cell, {})[seed] = why
    return found


def _lost(runs: pd.DataFrame, name: str) -> Iterator[tuple[int, int, FailureReason]]:
    failed = runs["status"].to_numpy() == "failed"
    scored = np.isfinite(runs[name].to_numpy(dtype=float)) if name in runs else ~failed
    for place in np.flatnonzero(failed | ~scored):
        run = runs.iloc[place]
        undefined = name in runs and (not isnan(run[name]) or name in run.get("undefined", ()))
        error = run["error"] if isinstance(run["error"], str) else None
        yield run["cell"], run["seed"], classify_failure(error) if failed[place] else "arm" if undefined else "unknown"


def _row(record: RunRecord) -> dict[str, object]:
    about = (
        record.run_id,
        record.cell_id,
        record.profile,
        record.seed,
        record.status,
        record.error,
        record.provenance.get("commit", "unknown"),
        record.provenance.get("dirty", "unknown"),
        _environment(record.provenance),
        _data(record.provenance),
        record.cpu_seconds,
        record.wall_seconds,
        tuple(name for name, score in record.scores.items() if not isfinite(score)),
    )
    return {**dict(zip(RUN_COLUMNS, about, strict=True)), **record.scores}


def _environment(provenance: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {provenance[name]}" for name in _ENVIRONMENT if name in provenance)


def _data(provenance: Mapping[str, str]) -> str:
    """Return the training tiers with the start of their SHA-256; empty for arithmetic."""
    tiers = {
        name.removeprefix(DATA_PREFIX): sha256 for name, sha256 in provenance.items() if name.startswith(DATA_PREFIX)
    }
    return ", ".join(f"{name} ({sha256[:12]})" for name, sha256 in tiers.items())
