"""Seconds to plan a grid of 1,000 cells, a whole process: ``python -m tests.benchmarks.plan_speed``.

Once for this machine, and once on GPUs. Every cell is composed, checked, compared with all others for twins, and
costed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

BAR = 10.0  # seconds
CELLS = 1000

GRID = """
question: How fast?
metric: final/accuracy
feeds: [study]
axes:
  model: {a: [model=small_base], b: [model=large_base], c: [model=small_aligned], d: [model=large_aligned],
          e: [model=small_base, rollout.temperature=0.9]}
  difficulty: {easy: [data=arithmetic_easy], medium: [data=arithmetic_medium], hard: [data=arithmetic_hard],
               mixed: [data=arithmetic_mixed], all: ["data.difficulties=[easy,medium,hard]"]}
  norm: {none: [], group: ["+tricks.group_norm={}"], batch: ["+tricks.batch_norm={}"],
         group_mean: ["+tricks.group_mean={}"], mixed: ["+tricks.group_mean_batch_std={}"]}
  bound: {0.20: [], 0.24: ["+tricks.clip_higher={clip_ratio_high: 0.24}"], 0.28: ["+tricks.clip_higher={}"],
          0.32: ["+tricks.clip_higher={clip_ratio_high: 0.32}"]}
  loss: {sequence: ["+tricks.sequence_mean={}"], token: ["+tricks.token_mean={}"]}
baseline: {norm: none}
seeds: [0, 1, 2, 3, 4, 5]
profiles:
  gpu:
    overrides: [rollout=8k, optim=paper, eval=paper, backend=gpu, steps=500]
    axes:
      model: {a: [model=qwen3_4b_base], b: [model=qwen3_8b_base], c: [model=qwen3_4b], d: [model=qwen3_8b],
              e: [model=qwen3_8b, rollout.temperature=0.9]}
      difficulty: {easy: [data=math_easy], medium: [data=math_medium], hard: [data=math_hard],
                   mixed: [data=simplerl_easy], all: [data=simplerl_hard]}
"""


def main() -> int:
    """Time three plans of each kind, report. Exit code 1 above the bar."""
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "thousand.yaml").write_text(GRID, encoding="utf-8")
        for profile in ("laptop", "gpu"):
            seconds = [_timed(Path(folder), profile) for _ in range(3)]
            each = ", ".join(f"{wall:.1f}" for wall, _ in seconds)
            busy = median(cpu for _, cpu in seconds)
            print(f"plan of {CELLS} cells ({profile}): {each} s (bar {BAR} s), {busy:.1f} s of them on the processor")
            slowest = max(slowest, median(wall for wall, _ in seconds))
    return int(slowest > BAR)


def _timed(folder: Path, profile: str) -> tuple[float, float]:
    """Seconds on the clock, and of the processor."""
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    words = [f"grid={folder / 'thousand.yaml'}", f"profile={profile}", f"results={folder / 'results'}"]
    started, before = time.perf_counter(), _children()
    done = subprocess.run(
        [sys.executable, "-m", "sweeps", "plan", *words], check=True, env=environment, capture_output=True, text=True
    )
    taken = time.perf_counter() - started, _children() - before
    assert f"{CELLS} cells" in done.stdout, done.stdout
    return taken


def _children() -> float:
    spent = os.times()
    return spent.children_user + spent.children_system


if __name__ == "__main__":
    sys.exit(main())
