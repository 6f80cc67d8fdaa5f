"""The killable process: a line of JSON in, a line out.

``[gold, answer, tolerance]`` is judged: ``[right, reason]``. ``[answer]`` is read for the key of its value: ``[key]``.

It ends with its standard input, so it never outlives its parent by more than one deadline.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from harness.verify.grader import Opinion, judge, math_verify_agrees

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEGABYTE: Final = 1 << 20


def main(cpu_seconds: float, memory_mb: int) -> None:
    """Answer requests until there are no more."""
    if sys.platform != "darwin":  # which has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb * _MEGABYTE, memory_mb * _MEGABYTE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii") as replies:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no reply
        for line in sys.stdin.buffer:
            reply, intact = _answered(json.loads(line), cpu_seconds)
            print(json.dumps(reply), file=replies, flush=True)
            if not intact:
                return  # what was being loaded or held is in no known state


def _answered(request: list[Any], cpu_seconds: float) -> tuple[list[Any], bool]:
    if len(request) == 1:
        return _keyed(request[0], cpu_seconds)
    gold, answer, tolerance = request
    opinion = _bounded(gold, answer, tolerance, cpu_seconds)
    return [opinion.right, opinion.reason], opinion.reason != "memory"


def _keyed(answer: str, cpu_seconds: float) -> tuple[list[str | None], bool]:
    """The key of an answer, and whether the process is in a known state."""
    try:
        from harness.verify.compare.canonical import canonical  # noqa: PLC0415  # no judging needs it, and it takes 60 ms

        with _deadline(cpu_seconds):
            return [canonical(answer)], True
    except MemoryError:
        return [None], False
    except RecursionError:
        return [None], True


def _bounded(gold: str, answer: str, tolerance: float | None, cpu_seconds: float) -> Opinion:
    try:
        with _deadline(cpu_seconds):
            opinion = judge(gold, answer, tolerance)
        if opinion.reason != "gold_unreadable":
            return opinion
        import math_verify  # noqa: F401, PLC0415  # outside of the deadline: loading it says nothing of the answer

        with _deadline(cpu_seconds):
            agrees = math_verify_agrees(gold, answer)
        return Opinion(agrees, "math_verify" if agrees else "gold_unreadable")
    except MemoryError:
        return Opinion(right=False, reason="memory")
    except RecursionError:
        return Opinion(right=False, reason="too_deep")


@contextmanager
def _deadline(cpu_seconds: float) -> Iterator[None]:
    """Seconds of CPU, after which the kernel ends this process, whatever it is doing: SIGPROF has no handler."""
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
