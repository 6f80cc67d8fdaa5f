"""How long the commands take to start, as whole processes, and whether they import torch before they must."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -m harness --help": ["-m", "harness", "--help"],
    "python -m sweeps --help": ["-m", "sweeps", "--help"],
    "python -m sweeps plan grid=norm_ablation, first line": ["-m", "sweeps", "plan", "grid=norm_ablation"],
    "python -m sweeps plan grid=norm_ablation, whole": ["-m", "sweeps", "plan", "grid=norm_ablation"],
    "python -m analysis tables --help": ["-m", "analysis", "--help"],
    "liteppo explain --framework verl": ["-m", "liteppo", "explain", "--framework", "verl"],
    "liteppo export preset=dapo --to verl": ["-m", "liteppo", "export", "preset=dapo", "--to", "verl"],
}
ROUNDS = 5


def main() -> None:
    """Print the median and the spread of each, in seconds."""
    print(f"start-up, {ROUNDS} rounds after one warm-up: median (min to max) seconds")
    for name, arguments in COMMANDS.items():
        times = sorted([_seconds(arguments, first_line="first line" in name) for _ in range(ROUNDS + 1)][1:])
        print(f"  {name:55} {statistics.median(times):5.2f} ({times[0]:.2f} to {times[-1]:.2f})")
    for module in ("harness", "sweeps", "analysis"):
        print(f"  python -m {module} --help imports torch: {'yes' if _imports_torch(module) else 'no'}")


def _seconds(arguments: list[str], *, first_line: bool) -> float:
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        if first_line:
            process.stdout.readline()
            taken = time.perf_counter() - started
        process.stdout.read()
        process.wait()
    return taken if first_line else time.perf_counter() - started


def _imports_torch(module: str) -> bool:
    command = [sys.executable, "-X", "importtime", "-m", module, "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return any(line.rsplit("|", 1)[-1].strip() == "torch" for line in told.splitlines())


if __name__ == "__main__":
    main()
