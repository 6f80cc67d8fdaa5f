"""Runs of the embedded models as two cores recorded them: settings, tokens, processor seconds.

``laptop_runs.jsonl`` holds a run or two of nearly every setting that had been tried. Up to sixteen other processes
shared the two cores, so that the seconds of the same work differ by up to a sixth.
"""

import json
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from random import Random

from harness.config.compose import compose_fast
from harness.config.experiment import ExperimentConfig, check_config
from harness.records.record import CONTROL_AXIS, RunRecord
from sweeps.plan.estimate import RunSpeed
from tests.sweeps.records import record

FILE = Path(__file__).parent / "laptop_runs.jsonl"


@dataclass(frozen=True)
class LaptopRun:
    """A recorded run. ``broken``: its learning rate is ten times what it should be, and it breaks down."""

    config: ExperimentConfig
    record: RunRecord
    broken: bool

    @property
    def model(self):
        return self.config.model.path


@cache
def laptop_runs():
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return tuple(_read(json.loads(line)) for line in lines)


def _read(written):
    config = check_config(compose_fast(written["overrides"]))
    scores = {
        "cost/tokens": written["tokens"],
        "train/rollout/prompts": written["drawn"] * config.rollout.prompts_per_batch,
        "start/length": written["start"],
        "final/length": written["final"],
    }
    labels = {CONTROL_AXIS: "lr_too_high"} if written["control"] else {}
    ran = replace(record(), config=asdict(config), labels=labels, scores=scores, cpu_seconds=written["cpu_seconds"])
    return LaptopRun(config, ran, written["control"])


def errors(run, most=60):
    """Relative errors of the prediction of a run's seconds from two others of its model, of any two or of so many."""
    others = [other.record for other in laptop_runs() if other is not run and other.model == run.model]
    pairs = list(combinations(others, 2))
    chosen = Random(0).sample(pairs, min(most, len(pairs)))
    return [RunSpeed.of(pair).seconds(run.config) / run.record.cpu_seconds - 1 for pair in chosen]
