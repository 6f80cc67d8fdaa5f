"""Why a recorded run failed: for a reason of its arm, for a reason outside it, or for one that its record hides.

A record keeps the class of the exception and the last line of its message (``cause``). Verdicts read the
reason from this text alone, so that records of every age are judged by the same rule.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, Literal

from harness.common.resources import NOTHING
from harness.records.record import RunRecord

if TYPE_CHECKING:
    from harness.common.resources import Spent
    from harness.records.record import RunHead

Reason = Literal["arm", "outside", "unknown"]

# Training or scoring itself came to an end that has no number.
_ARM: Final = frozenset(
    {"Diverged", "FloatingPointError", "OverflowError", "ZeroDivisionError", "ArithmeticError", "StatisticsError"}
)
# Lost machines, disks, processes and services, and people who stop a run.
_OUTSIDE: Final = frozenset(
    {
        *("Preempted", "KeyboardInterrupt", "SystemExit", "InterruptedError", "TaskCancelledError"),
        *("EngineLost", "NodeDiedError", "WorkerCrashedError", "OwnerDiedError", "ObjectLostError", "RaySystemError"),
        *("LocalRayletDiedError", "ActorUnavailableError", "ObjectReconstructionFailedError", "NodePreemptedError"),
        *("OSError", "IOError", "FileNotFoundError", "FileExistsError", "PermissionError", "BlockingIOError"),
        *("NotADirectoryError", "IsADirectoryError", "ChildProcessError", "ProcessLookupError", "EOFError"),
        *("ConnectionError", "ConnectionResetError", "ConnectionRefusedError", "ConnectionAbortedError"),
        *("BrokenPipeError", "BrokenProcessPool", "BrokenExecutor", "MemoryError"),
        *("StoreError", "MlflowException", "SweepError", "BusyError"),
    }
)
# Wrong settings are refused in words like "a finite number", and a fault of a reward function quotes the function and a
# response: their words say nothing about training.
_SETTINGS: Final = frozenset({"SchemaError", "ModelError", "DataError", "RewardError"})

_ARM_WORDS: Final = re.compile(
    r"\bnon-?\s?finite\b|\bnot (all )?finite\b|\bnan\b|[-+]?\binf(inite|inity)?\b|\bdiverge[sd]?\b|\bdiverging\b"
    r"|\bmath (domain|range) error\b|\bare no numbers\b|\b(numerical|float\w*) overflow\b|\boverflow(s|ed)? in\b"
    r"|\bdraw at least one sample\b"
    r"|\bno (more )?(accepted )?(group|prompt|sample)s? ((is|are|was|were) )?(left|accepted)\b"
    r"|\b(finds|found|left with) no (more )?(accepted )?(group|prompt|sample)s?\b|\bcollapsed\b|\bexploded\b",
    re.IGNORECASE,
)
_OUTSIDE_WORDS: Final = re.compile(
    r"no space left|disk (is )?full|disk quota|(can't|cannot) allocate memory|bad_alloc|machine ran out of memory"
    r"|\bnode\b.{0,40}\b(gone|died|dead)\b|\bsig(kill|term|int)\b|\bkilled\b|\bpreempted\b|\binterrupted\b"
    r"|connection (refused|reset|aborted)|broken pipe|\bmlflow\b|\bverifier\b.{0,60}\b(died|lost|gone|killed)\b",
    re.IGNORECASE,
)
_GPU: Final = re.compile(r"\b(cuda|hip|gpu|xpu|mps)\b", re.IGNORECASE)
_CLASS: Final = re.compile(r"\s*([A-Za-z_][\w.]*?)\s*(?::|$)")


def reason(error: str | None) -> Reason:
    """Return why a run with this recorded error failed.

    ``arm``: training diverged, or a loss, gradient, weight, probability or score came out as no finite number, or
    nothing was left to train on. ``outside``: a node, disk, process, service or person ended the run. ``unknown``:
    all else, wrong settings, faults of a reward function and GPUs without enough memory among them, for what an arm
    samples may be why.
    """
    text = error or ""
    found = _CLASS.match(text)
    name = found[1].rpartition(".")[2] if found else ""
    if name in _ARM:
        return "arm"
    if name in _OUTSIDE:
        return "outside"
    if name in _SETTINGS:
        return "unknown"
    if name == "OutOfMemoryError":  # the class of Ray's for a host, and of torch's for a GPU
        return "unknown" if _GPU.search(text) else "outside"
    if _ARM_WORDS.search(text):
        return "arm"
    return "outside" if _OUTSIDE_WORDS.search(text) else "unknown"


def cause(error: BaseException) -> str:
    """Return the type of an error and the last line of its message, as a record keeps them.

    A class of this project that is renamed keeps its old name in records, as its attribute ``recorded_as``.
    """
    name = vars(type(error)).get("recorded_as", type(error).__name__)
    lines = str(error).strip().splitlines()
    return f"{name}: {lines[-1].strip()}" if lines else name


def failed(head: RunHead, error: str, spent: Spent = NOTHING) -> RunRecord:
    """Make the record of a failed run. It has no scores: those of a part of a run compare with no other's.

    Args:
        head: What is known of the run before it starts.
        error: Why it failed, as ``cause`` words it.
        spent: What it cost up to there.

    Returns:
        The record, with the status ``failed``.

    """
    about = {name: getattr(head, name) for name in type(head).__slots__}
    return RunRecord(**about, status="failed", scores={}, **asdict(spent), error=error)
