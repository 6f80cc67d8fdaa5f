"""One step of this harness against one of TRL's GRPOTrainer: same weights, prompts, group size, limit and one thread.

TRL lives in an environment of its own:

    python3.11 -m venv .venv-bench && .venv-bench/bin/pip install -r requirements/bench.lock
    python -m tests.benchmarks.step_speed [--trl-python .venv-bench/bin/python] [--model FOLDER]

The sides alternate, each in a fresh process. Both update once a rollout, so the old log-probs are the
policy's own and neither side computes them anew. TRL is timed from the begin to the end of its step,
without its logging; ours from batch to report, metrics included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from harness.data.synthetic import stream_problems
from harness.models.locate import locate_model
from harness.models.prompting import format_prompt

ROOT = Path(__file__).parents[2]
WARM_UP = 2  # steps of each process that are not counted
SETTINGS = {
    "prompts_per_batch": 32,
    "group_size": 8,
    "max_response_length": 64,
    "temperature": 1.0,
    "lr": 5e-4,
    "max_grad_norm": 1.0,
}


def main() -> int:
    """Alternate the sides and print medians, spreads and the ratio of each pair."""
    options = _options()
    if not options.trl_python.exists():
        print(f"step speed: skipped, there is no {options.trl_python}; see {Path(__file__).name} for how to make it")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        workload = Path(folder) / "workload.json"
        workload.write_text(json.dumps(_workload(options.model, options.steps + WARM_UP)), encoding="utf-8")
        pairs = [_pair(workload, options.trl_python) for _ in range(options.rounds)]
    print(f"step speed, {options.rounds} rounds of {options.steps} steps after {WARM_UP} of warm-up, alternated")
    for side in ("ours", "trl"):
        print(_line(side, [step for pair in pairs for step in pair[side][WARM_UP:]]))
    for clock in ("seconds", "cpu_seconds"):
        ratios = [_median(pair["trl"], clock) / _median(pair["ours"], clock) for pair in pairs]
        print(f"  ratio of {clock}, pair by pair: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("TRL_PYTHON", ROOT / ".venv-bench" / "bin" / "python")
    parser.add_argument("--trl-python", type=Path, default=default, help="interpreter that has TRL [$TRL_PYTHON]")
    parser.add_argument("--model", default="builtin:small_base", help="embedded model or folder")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of processes")
    parser.add_argument("--steps", type=int, default=6, help="counted steps of each process")
    return parser.parse_args()


def _workload(model: str, steps: int) -> dict[str, Any]:
    """Everything both sides read: the folder of the model, the settings, the prompts of every step."""
    from harness.models.load import load_tokenizer

    folder, tokenizer = str(locate_model(model)), load_tokenizer(model)
    problems = list(islice(stream_problems(["medium"], 0), steps * SETTINGS["prompts_per_batch"]))
    tokens = [format_prompt(tokenizer, problem.prompt, "base") for problem in problems]
    return {
        "model": folder,
        "steps": steps,
        "settings": SETTINGS,
        "prompts": [problem.prompt for problem in problems],
        "prompt_ids": tokens,
        "answers": [problem.answer for problem in problems],
    }


def _pair(workload: Path, trl_python: Path) -> dict[str, list[dict[str, float]]]:
    ours = _run([sys.executable, "-m", "tests.benchmarks.step_speed_ours", str(workload)])
    return {"ours": ours, "trl": _run([str(trl_python), "-m", "tests.benchmarks.step_speed_trl", str(workload)])}


def _run(command: list[str]) -> list[dict[str, float]]:
    alone = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | alone, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"seconds"')]


def _line(side: str, steps: list[dict[str, float]]) -> str:
    times = {clock: sorted(step[clock] for step in steps) for clock in ("seconds", "cpu_seconds")}
    clocks = [
        f"{statistics.median(taken):.3f} ({taken[0]:.3f} to {taken[-1]:.3f}) {clock}" for clock, taken in times.items()
    ]
    length, accuracy = (statistics.mean(step[name] for step in steps) for name in ("length", "accuracy"))
    return f"  {side:5} {', '.join(clocks)}; mean length {length:.1f} tokens, accuracy {accuracy:.3f}"


def _median(steps: list[dict[str, float]], clock: str) -> float:
    return statistics.median(step[clock] for step in steps[WARM_UP:])


if __name__ == "__main__":
    sys.exit(main())
