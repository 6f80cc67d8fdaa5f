"""What is recorded of a run that ends without scores."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.records import RunRecord
from harness.usage import NOTHING

if TYPE_CHECKING:
    from harness.records import RunHead
    from harness.usage import Spent


def cause(error: BaseException) -> str:
    """The type of an error and the last line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1].strip()}" if lines else type(error).__name__


def failed(head: RunHead, error: str, spent: Spent = NOTHING) -> RunRecord:
    """The record of a failed run: no scores, since those of a part of a run are not comparable with any other's."""
    about = {name: getattr(head, name) for name in type(head).__slots__}
    return RunRecord(**about, status="failed", scores={}, **asdict(spent), error=error)
