"""Reasons why recorded runs failed: the arm, something outside, or unknown.

A record keeps the class of the exception and the last line of its message (``describe_error``). Verdicts take the
reason only from this text, so that the same rule applies to records of every age.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, Literal

from harness.common import NO_USE
from harness.records.record import RunRecord

if TYPE_CHECKING:
    from harness.common import ResourceUse
    from harness.records.record import RunHead

FailureReason = Literal["arm", "outside", "unknown"]

# Training or scoring itself failed numerically.
_ARM: Final = frozenset(
    {"Diverged", "FloatingPointError", "OverflowError", "ZeroDivisionError", "ArithmeticError", "StatisticsError"}
)
# Machines, disks, processes and services failed, or a person stopped the run.
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
# Messages about settings contain words like "a finite number", and those about a reward function quote the function and
# a response. These words say nothing about training.
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


def classify_failure(error: str | None) -> FailureReason:
    """Return why a run with this recorded error failed.

    ``arm``: training diverged; or a loss, gradient, weight, probability or score was not finite; or no sample was left
    to train on. ``outside``: a node, disk, process, service or person ended the run. ``unknown``: all other errors.
    These include wrong settings, faults of a reward function, and GPUs out of memory, which the samples of an arm may
    cause.
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
    if name == "OutOfMemoryError":  # Ray uses this class for a host, torch for a GPU
        return "unknown" if _GPU.search(text) else "outside"
    if _ARM_WORDS.search(text):
        return "arm"
    return "outside" if _OUTSIDE_WORDS.search(text) else "unknown"


def describe_error(error: BaseException) -> str:
    """Return the type of an error and the last line of its message, as a record keeps them.

    A renamed class of this project keeps its old name in records, through the attribute ``recorded_as``.
    """
    name = vars(type(error)).get("recorded_as", type(error).__name__)
    lines = str(error).strip().splitlines()
    return f"{name}: {lines[-1].strip()}" if lines else name


def build_failed_record(head: RunHead, error: str, spent: ResourceUse = NO_USE) -> RunRecord:
    """Return the record of a failed run, without scores.

    Scores of a part of a run cannot be compared with those of other runs.

    Args:
        head: What is known of the run before it starts.
        error: Why it failed, in the form of ``describe_error``.
        spent: What it cost until it failed.

    Returns:
        The record, with the status ``failed``.

    """
    about = {name: getattr(head, name) for name in type(head).__slots__}
    return RunRecord(**about, status="failed", scores={}, **asdict(spent), error=error)
