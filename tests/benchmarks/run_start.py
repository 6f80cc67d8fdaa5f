"""CPU seconds until a run takes its first step, and its peak memory, of this checkout and of others in turns.

``python -m tests.benchmarks.run_start [PAIRS [CHECKOUT ...]]``. Another checkout, such as one of an older commit, is
run by the Python of its own .venv. Every run has an empty results folder, so that it also creates MLflow's database.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil

RUN: Final = ("preset=grpo", "steps=1")
PAIRS: Final = 3
EVERY: Final = 0.05  # seconds between two looks at the memory
MOMENTS: Final = ("first sample", "first training step", "end")
TIMING: Final = ("seconds/", "tokens_per_second", "wall_seconds", "cpu_seconds", "peak_memory_mb")
HERE: Final = Path(__file__).resolve().parents[2]

# The module that draws samples and the one that times a step, under their names since the first release.
WATCHED: Final = {
    "harness.engines.qwen3.sampler": "CompactSampler.sample",
    "harness.engines.compact_sampler": "CompactSampler.sample",
    "harness.common.resources": "Stopwatch.phase",
    "harness.stopwatch": "Stopwatch.phase",
}

# Runs `python -m harness` and notes the CPU seconds at the first call of a watched function: of the sampler, and of the
# stopwatch with the phase "step", which encloses a training step.
WRAPPER: Final = """
import importlib.abc, importlib.util, json, os, runpy, sys
watched, out = json.loads(sys.argv[1]), sys.argv[2]
noted = set()
def note(moment):
    if moment not in noted:
        noted.add(moment)
        times = os.times()
        with open(out, "a") as file:
            file.write(json.dumps([moment, sum(times[:4])]) + "\\n")
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in watched:
            return None
        method = watched.pop(name)
        found = importlib.util.find_spec(name)
        load = found.loader.exec_module
        def exec_module(module):
            load(module)
            owner, _, leaf = method.partition(".")
            usual = getattr(getattr(module, owner), leaf)
            def called(self, *given, **named):
                if leaf == "sample" or given[:1] == ("step",):
                    note("first sample" if leaf == "sample" else "first training step")
                return usual(self, *given, **named)
            setattr(getattr(module, owner), leaf, called)
        found.loader.exec_module = exec_module
        return found
sys.meta_path.insert(0, Finder())
sys.argv = ["harness", *sys.argv[3:]]
runpy.run_module("harness", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True, slots=True)
class Start:
    """CPU seconds and memory of one run."""

    cpu: dict[str, float]  # moment -> CPU seconds of the run and its children until then
    memory: float  # MB: peak resident memory of the run
    tree: float  # MB: peak over time of the proportional memory of the run with its children
    results: dict[str, float]  # scores and metrics, without timings


def main(arguments: list[str]) -> int:
    """Print medians and ranges, and whether the results of all checkouts are equal."""
    pairs = int(arguments[0]) if arguments else PAIRS
    checkouts = [*map(Path, arguments[1:]), HERE]
    started: dict[Path, list[Start]] = {checkout: [] for checkout in checkouts}
    for _ in range(pairs):
        for checkout in checkouts:
            started[checkout].append(found := run(checkout))
            print(f"  {checkout.name}: {found.cpu}, {found.memory:.0f} MB", file=sys.stderr, flush=True)
    print(f"python -m harness {' '.join(RUN)}, {pairs} rounds in turns: median (min to max)")
    for checkout, runs in started.items():
        print(f"  {checkout.name}")
        for moment in MOMENTS:
            print(f"    CPU seconds to the {moment:20} {_shown([each.cpu[moment] for each in runs])}")
        print(f"    peak memory, MB, of the run         {_shown([each.memory for each in runs])}")
        print(f"    peak memory, MB, with its children  {_shown([each.tree for each in runs])}")
    for other in checkouts[:-1]:
        _compare(started[other], started[HERE], other.name)
    differing = {name for runs in started.values() for each in runs for name in _differing(each, started[HERE][0])}
    print(
        f"  scores and metrics that all have: {f'NOT equal: {sorted(differing)}' if differing else 'equal, all digits'}"
    )
    return 1 if differing else 0


def _differing(one: Start, other: Start) -> set[str]:
    common = one.results.keys() & other.results.keys()
    return {name for name in common if repr(one.results[name]) != repr(other.results[name])}  # nan is equal to itself


def _compare(others: list[Start], ours: list[Start], name: str) -> None:
    print(f"  this checkout over {name}, pair by pair")
    for moment in MOMENTS:
        ratios = [our.cpu[moment] / other.cpu[moment] for our, other in zip(ours, others, strict=True)]
        print(f"    CPU seconds to the {moment:20} {_shown(ratios)}")
    for kind, text in (("memory", "of the run"), ("tree", "with its children")):
        ratios = [getattr(our, kind) / getattr(other, kind) for our, other in zip(ours, others, strict=True)]
        print(f"    peak memory {text:27} {_shown(ratios)}")


def run(checkout: Path) -> Start:
    """Run once in an empty folder."""
    python = sys.executable if checkout == HERE else str(checkout.absolute() / ".venv" / "bin" / "python")
    with TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        environment = {**os.environ, "RESULTS_DIR": str(Path(folder) / "results"), "OMP_NUM_THREADS": "1"}
        command = [python, "-c", WRAPPER, json.dumps(WATCHED), str(notes), *RUN]
        with (Path(folder) / "output").open("w+") as output:
            process = subprocess.Popen(command, cwd=checkout, env=environment, stdout=output, stderr=output)
            highest, tree, spent = _watched(process)
            if process.returncode:
                output.seek(0)
                raise SystemExit(f"{checkout.name} failed:\n{output.read()}")
        cpu = dict(json.loads(line) for line in notes.read_text().splitlines())
        return Start({**cpu, "end": spent}, highest, tree, _results(Path(folder) / "results" / "runs"))


def _watched(process: subprocess.Popen[bytes]) -> tuple[float, float, float]:
    """Wait for a process; return its peak memory, the peak with its children, and the CPU seconds of all."""
    highest, family = 0.0, psutil.Process(process.pid)
    while True:
        found, status, usage = os.wait4(process.pid, os.WNOHANG)
        if found:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_maxrss / 1024, highest, usage.ru_utime + usage.ru_stime
        highest = max(highest, sum(map(_proportional, [family, *family.children(recursive=True)])))
        time.sleep(EVERY)


def _proportional(process: psutil.Process) -> float:
    try:
        return process.memory_full_info().pss / (1 << 20)
    except psutil.Error:
        return 0.0


def _results(runs: Path) -> dict[str, float]:
    (folder,) = (path for path in runs.iterdir() if path.is_dir())
    found: dict[str, float] = json.loads((folder / "record.json").read_text())["scores"]
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        step = json.loads(line)
        found |= {f"step {step['step']} {name}": value for name, value in step.items()}
    return {name: value for name, value in found.items() if not any(part in name for part in TIMING)}


def _shown(values: list[float]) -> str:
    return f"{statistics.median(values):7.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
