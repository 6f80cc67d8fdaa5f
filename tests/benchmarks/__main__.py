"""Every benchmark, one after the other: ``make bench``, or ``python -m tests.benchmarks startup``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NAMES = (
    "startup",
    "run_start",
    "hooks_cost",
    "apply_speed",
    "step_speed",
    "deepspeed_step",
    "tables_speed",
    "long_context",
    "verdict_speed",
    "report_speed",
    "calibration",
    "plan_speed",
    "plan_accuracy",
    "vllm_rollout",
)


def main(chosen: list[str]) -> int:
    """Run the chosen benchmarks, by default all, each in a process of its own."""
    unknown = set(chosen) - set(NAMES)
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    root = Path(__file__).parent.parent.parent
    codes = [
        subprocess.run([sys.executable, "-m", f"{__package__}.{name}"], cwd=root, check=False).returncode
        for name in chosen or NAMES
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
