"""``python -m tests.harness.verify.hostile_run``: judge every hostile response and say what each cost, as JSON lines.

A process of its own, so that time and memory of its children are those of the verifier's workers alone.
"""

from __future__ import annotations

import json
import resource
from contextlib import closing
from pathlib import Path

import psutil

from harness.verify.model.verdict import Gold
from harness.verify.process_pool import Verifier
from tests.harness.verify.hostile import HOSTILE
from tests.harness.verify.hostile_cost import SUM


def main() -> None:
    with closing(Verifier(processes=1)) as verifier:
        start = _cpu_seconds()
        verifier.verify([(Gold(SUM), r"\boxed{44}")])  # starts the worker, and sympy in it
        print(json.dumps({"start": _cpu_seconds() - start}), flush=True)
        for case in HOSTILE:
            before = _cpu_seconds()
            (verdict,) = verifier.verify([(Gold(case.gold), case.response)])
            cost = {"cpu_seconds": _cpu_seconds() - before, "peak_mb": _peak_mb()}
            print(json.dumps({"name": case.name, "right": verdict.right, "reason": verdict.reason, **cost}), flush=True)


def _cpu_seconds() -> float:
    """Of this process, its living children and those that it has waited for."""
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    living = (child.cpu_times() for child in psutil.Process().children(recursive=True))
    return sum(used.ru_utime + used.ru_stime for used in spent) + sum(used.user + used.system for used in living)


def _peak_mb() -> float:
    """The largest of these processes at its largest."""
    ids = ["self", *(child.pid for child in psutil.Process().children(recursive=True))]
    living = max(_high_water_kb(Path("/proc") / str(each) / "status") for each in ids)
    return max(living, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def _high_water_kb(status: Path) -> int:
    lines = status.read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


if __name__ == "__main__":
    main()
