"""How well runs on this machine are predicted from two others: ``python -m tests.benchmarks.plan_accuracy [results]``.

Every finished run of a results folder, by default the runs that the tests keep, is predicted from sixty pairs of other
runs of its model. Known-effect controls are shown apart: they are made to break down, and then run short or long.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from statistics import median

from harness.common.schema import SchemaError
from harness.config.experiment import check_config
from harness.records.record import CONTROL_AXIS, CONTROL_OFF, RunRecord
from sweeps.driver import ADOPTED
from sweeps.plan.estimate import RunSpeed
from tests.sweeps.cost.laptop_runs import laptop_runs

BAR = 0.2
PAIRS = 60


def main(folders: list[str]) -> int:
    """Predict, report. Exit code 1 where the usual prediction of a run is off by more than the bar."""
    records = [record for folder in folders for record in _records(Path(folder))]
    records = records or [run.record for run in laptop_runs()]
    predicted = [(record, _errors(record, records)) for record in records]
    usual = [
        (record, errors)
        for record, errors in predicted
        if errors and record.labels.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF
    ]
    controls = [
        (record, errors)
        for record, errors in predicted
        if errors and record.labels.get(CONTROL_AXIS, CONTROL_OFF) != CONTROL_OFF
    ]
    for name, group in (("runs", usual), ("controls", controls)):
        every = [abs(error) for _, errors in group for error in errors]
        within = sum(error <= BAR for error in every) / max(len(every), 1)
        off = [(_typical(errors), record) for record, errors in group if _typical(errors) > BAR]
        print(
            f"{len(group)} {name}: {within:.1%} of {len(every)} predictions within {BAR:.0%}; usually off: {len(off)}"
        )
        for error, record in off:
            print(f"  {record.study} {dict(record.labels)} s{record.seed}: {record.cpu_seconds:.1f} s, {error:.0%}")
    return int(any(_typical(errors) > BAR for _, errors in usual))


def _records(results: Path) -> list[RunRecord]:
    paths = sorted((results / "runs").glob("*/record.json"))
    records = [RunRecord.from_json(path.read_text(encoding="utf-8")) for path in paths]
    return [record for record in records if record.status == "finished" and ADOPTED not in record.provenance]


def _errors(record: RunRecord, records: list[RunRecord]) -> list[float]:
    """Relative errors of the predictions of a run; none where its settings are of an older version."""
    others = [other for other in records if other is not record and _model(other) == _model(record)]
    draws = Random(record.run_id)
    try:
        config = check_config({**record.config, "data": {"part": "all", **record.config["data"]}})
    except SchemaError:
        return []
    pairs = [draws.sample(others, 2) for _ in range(PAIRS)] if len(others) > 1 else []
    return [RunSpeed.of(pair).seconds(config) / record.cpu_seconds - 1 for pair in pairs]


def _model(record: RunRecord) -> str:
    return str(record.config["model"]["path"])


def _typical(errors: list[float]) -> float:
    return median(map(abs, errors))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
