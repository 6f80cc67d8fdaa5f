"""The worker process of the verifier, which can be killed.

Each input line is JSON and gets one output line. ``[gold, answer, tolerance]`` is judged and returns ``[right,
reason]``. ``[answer]`` returns ``[key]``, the key of the answer's value.

The process ends when its standard input ends. It outlives its parent by at most one deadline.
"""

import json
import os
import sys
from typing import Any

from harness.common import deadline, limit_worker
from harness.verify.grader import BoxJudgment, judge_box, math_verify_agrees


def main(cpu_seconds: float, memory_mb: int) -> None:
    """Answer requests from standard input until it ends.

    ``cpu_seconds`` limits one request, and ``memory_mb`` the address space of the process.
    """
    limit_worker(memory_mb)
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii") as replies:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # output of libraries must not mix with replies
        for line in sys.stdin.buffer:
            reply, intact = _answered(json.loads(line), cpu_seconds)
            print(json.dumps(reply), file=replies, flush=True)
            if not intact:
                return  # after MemoryError the state of the process is unknown


def _answered(request: list[Any], cpu_seconds: float) -> tuple[list[Any], bool]:
    if len(request) == 1:
        return _keyed(request[0], cpu_seconds)
    gold, answer, tolerance = request
    opinion = _bounded(gold, answer, tolerance, cpu_seconds)
    return [opinion.right, opinion.reason], opinion.reason != "memory"


def _keyed(answer: str, cpu_seconds: float) -> tuple[list[str | None], bool]:
    """Return the key of an answer, and whether the process is still in a known state."""
    try:
        from harness.verify.compare import compute_canonical_key  # noqa: PLC0415  # only needed for keys, and takes 60 ms

        with deadline(cpu_seconds):
            return [compute_canonical_key(answer)], True
    except MemoryError:
        return [None], False
    except RecursionError:
        return [None], True


def _bounded(gold: str, answer: str, tolerance: float | None, cpu_seconds: float) -> BoxJudgment:
    try:
        with deadline(cpu_seconds):
            opinion = judge_box(gold, answer, tolerance)
        if opinion.reason != "gold_unreadable":
            return opinion
        import math_verify  # noqa: F401, PLC0415  # imported outside of the deadline, which is for the answer only

        with deadline(cpu_seconds):
            agrees = math_verify_agrees(gold, answer)
        return BoxJudgment(agrees, "math_verify" if agrees else "gold_unreadable")
    except MemoryError:
        return BoxJudgment(right=False, reason="memory")
    except RecursionError:
        return BoxJudgment(right=False, reason="too_deep")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
