"""Records that tests pretend were left by runs."""

from dataclasses import asdict, replace
from functools import cache

from harness.config.experiment import load_config
from harness.records.record import RunRecord
from sweeps.plan.plan import Plan


def record(steps=10, seconds=10.0, model="builtin:small_base", labels=None, seed=0, study="plain") -> RunRecord:
    return _finished(replace(_loaded(steps, model), seed=seed), study, labels or {}, seconds)


@cache
def _loaded(steps, model):
    """Compose a config once: tests ask for hundreds of records that differ in their seeds."""
    return load_config(f"steps={steps}", f"model.path={model}")


def of_plan(plan: Plan, count: int) -> list[RunRecord]:
    """As if the first ``count`` runs of a plan had finished."""
    return [_finished(run.config, run.study, run.labels, 10.0) for run in plan.runs[:count]]


def _finished(config, study, labels, seconds) -> RunRecord:
    return RunRecord(
        run_id=config.run_id(),
        cell_id=config.cell_id(),
        study=study,
        profile="laptop",
        labels=labels,
        seed=config.seed,
        status="finished",
        scores={"start/accuracy": 0.25, "final/accuracy": 0.5},
        config=asdict(config),
        rule={hook: tuple(lines) for hook, lines in config.update_rule().describe().items()},
        provenance={"commit": "abc", "dirty": "no"},
        wall_seconds=seconds,
        cpu_seconds=seconds,
        peak_memory_mb=512.0,
    )
