"""Train the cells of the grid ``replication`` with TRL's trainer, and compare them with our loop.

    python -m tools.peers.replication [--seeds 6] [--python .venv-bench/bin/python] [--out FOLDER]

Each run is exported (``tricks.frameworks``), trained by TRL in its own environment, and its weights are scored by our
loop with zero steps: the same held-out problems, samples and seeds as our own runs, which are trained here as well. A
finished run is kept in the folder and not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import yaml

from analysis.stats import Pairs, estimate_difference, p_different, p_equivalent
from harness.common import atomic_write
from harness.config import ExperimentConfig, load_config, recipe_of
from harness.models import load_tokenizer, locate_model
from harness.rollouts import Prompts, read_run_problems
from harness.training import FinishedRun, RunSpec, execute_run
from tricks.frameworks import export_rule, find_framework

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).parents[2]
GRID: Final = ROOT / "sweeps" / "grids" / "replication.yaml"
SCORE: Final = "final/accuracy"
UNTRAINED: Final = "start/accuracy"  # of a run with zero steps: the same problems
OURS, TRL = "ours", "trl"

Scores = dict[str, dict[str, dict[int, float]]]  # recipe -> side -> seed -> score


def main() -> int:
    """Train what is missing and print the comparison as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, default=ROOT / ".venv-bench" / "bin" / "python")
    parser.add_argument("--seeds", type=int, default=6, help="seeds 0 to N - 1")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "replication")
    options = parser.parse_args()
    grid = yaml.safe_load(GRID.read_text(encoding="utf-8"))
    scores: Scores = {}
    for seed in range(options.seeds):
        for recipe, overrides in grid["axes"]["recipe"].items():
            config = load_config(*overrides, f"seed={seed}")
            for side in (OURS, TRL):
                folder = options.out / f"{recipe}.{side}.{seed}"
                scores.setdefault(recipe, {}).setdefault(side, {})[seed] = _score(config, side, folder, options.python)
    print("\n".join(comparison(scores, grid["margin"])))
    return 0


def _score(config: ExperimentConfig, side: str, folder: Path, python: Path) -> float:
    """Return the score of one run, from disk where it is finished."""
    kept = folder / "score.json"
    if not kept.exists():
        record = _finished(config, folder / "run") if side == OURS else _trained_by_trl(config, folder, python)
        score = record.scores[SCORE if side == OURS else UNTRAINED]
        atomic_write(kept, json.dumps({SCORE: score}).encode())
        print(f"{folder.name}: {score:.4f}", file=sys.stderr, flush=True)
    return float(json.loads(kept.read_text())[SCORE])


def _finished(config: ExperimentConfig, folder: Path) -> Any:
    """Return the record of a run of ours."""
    spec = RunSpec("replication", "laptop", {}, config, read_run_problems(config).provenance())
    last = None
    for item in execute_run(spec, folder):
        last = item
    assert isinstance(last, FinishedRun)
    return last.record


def _trained_by_trl(config: ExperimentConfig, folder: Path, python: Path) -> Any:
    """Train with TRL from the exported configuration, and score the weights with our evaluation."""
    folder.mkdir(parents=True, exist_ok=True)
    workload, weights = folder / "workload.json", folder / "weights"
    workload.write_text(json.dumps(make_workload(config)))
    alone = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [str(python), "-m", "tools.peers.run_trainer", str(workload)]
    if not (weights / "tokenizer_config.json").exists():  # written last
        subprocess.run(command, cwd=ROOT, env=os.environ | alone, check=True, stdout=sys.stderr)
    scored = load_config(f"model.path={weights}", "steps=0", f"seed={config.seed}")
    return _finished(scored, folder / "run")


def make_workload(config: ExperimentConfig) -> dict[str, Any]:
    """Return what TRL trains on: the problems of each step in our order, and the exported options."""
    _, _, loop = recipe_of({**_plain(config), "preset": config.preset, "tricks": config.tricks})
    export = export_rule(find_framework("trl"), config.update_rule(), loop)
    prompts = Prompts(config, load_tokenizer(config.model.path))
    tasks, _ = prompts.training({})
    chosen = list(islice(tasks, config.steps * config.rollout.prompts_per_batch))
    return {
        "task": "run",
        "model": str(locate_model(config.model.path)),
        "seed": config.seed,
        "updates": config.steps * config.optim.updates_per_rollout,
        "options": {line.name: line.value for line in export.lines}
        | {"lr_scheduler_type": "constant", "weight_decay": config.optim.weight_decay},
        "prompts": [f"{task.problem.prompt}\n" for task in chosen],
        "answers": [task.problem.answer for task in chosen],
    }


def _plain(config: ExperimentConfig) -> dict[str, Any]:
    return {"rollout": asdict(config.rollout), "optim": asdict(config.optim)}


def comparison(scores: Scores, margin: float) -> Iterator[str]:
    """Yield the table: scores of both sides, the paired difference with its interval, and the p values."""
    yield f"| recipe | ours | TRL | TRL minus ours | p different | p equivalent within {margin} | seeds |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for recipe, sides in scores.items():
        pairs = _pairs(sides)
        gap = estimate_difference(sides[TRL], sides[OURS])
        assert gap is not None
        means = [f"{np.mean(list(sides[side].values())):.4f}" for side in (OURS, TRL)]
        cells = (
            recipe,
            *means,
            f"{gap.mean:+.4f} ± {gap.half_width:.4f}",
            f"{p_different(pairs):.3g}",
            f"{p_equivalent(pairs, margin):.3g}",
            str(gap.n),
        )
        yield f"| {' | '.join(cells)} |"


def _pairs(sides: Mapping[str, Mapping[int, float]]) -> Pairs:
    seeds = sorted(sides[TRL].keys() & sides[OURS].keys())
    arm, baseline = (np.array([sides[side][seed] for seed in seeds]) for side in (TRL, OURS))
    return Pairs(tuple(seeds), arm, baseline)


if __name__ == "__main__":
    sys.exit(main())
