"""Peak memory and time of sampling, scoring and updating at 8,192 tokens, each in a process of its own.

    python -m tests.benchmarks long_context

"small" is the embedded small_base; "wide" is as tiny, with random weights and the vocabulary of Qwen3, 151,936 tokens.
Responses fill the limit. Time is that of the work without start-up; memory is the peak of the whole process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LENGTH = 8192  # tokens of a response
LIMIT_GB = 4.0
CASES = (
    ("small", "sample", 8, ()),
    ("small", "score", 8, ()),
    ("small", "update", 8, ()),
    ("small", "update", 8, ("optim.gradient_checkpointing=true",)),
    ("small", "update", 8, ("backend.engine=hf",)),
    ("wide", "sample", 8, ()),
    ("wide", "update", 2, ()),
)


def main() -> int:
    """Print a line a case; exit code 1 when one needs more memory than ``LIMIT_GB``."""
    print(f"long contexts: responses of {LENGTH} tokens, one thread, micro-batches of 16,500 tokens")
    peaks = []
    for model, work, responses, settings in CASES:
        found = run(model, work, responses, settings)
        peaks.append(found["peak_gb"])
        speed = f"{found['tokens'] / found['seconds']:6.0f} tokens/s"
        said = f"{found['seconds']:6.1f} s ({found['cpu_seconds']:.1f} of CPU), {speed}, peak {found['peak_gb']:.2f} GB"
        print(f"  {model:5} {work:6} {responses} {' '.join(settings):34} {said}", flush=True)
    return int(max(peaks) > LIMIT_GB)


def run(model: str, work: str, responses: int, settings: tuple[str, ...] = ()) -> dict[str, Any]:
    """What one case took: seconds, cpu_seconds, tokens, start_gb and peak_gb."""
    limits = ("rollout.max_prompt_length=16", f"rollout.max_response_length={LENGTH}", "optim.updates_per_rollout=1")
    request = {
        "model": model,
        "work": work,
        "responses": responses,
        "length": LENGTH,
        "micro_batch_tokens": 16_500,
        "settings": [*limits, *settings],
    }
    command = [sys.executable, "-m", "tests.benchmarks.long_context_work", json.dumps(request)]
    alone = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=alone, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
