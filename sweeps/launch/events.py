"""The events of a sweep's runs, as the driver receives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.records.record import RunRecord
from sweeps.plan.plan import PlannedRun

ATTEMPTS: Final = 2  # a failed run is retried once; lost nodes do not count


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A worker's first message on a run."""

    pid: int
    host: str
    node: str = ""  # Ray's id of the node


@dataclass(frozen=True, slots=True)
class RunStepped:
    """A worker's metrics of a step; step 0 is the evaluation before training."""

    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A worker's last message on a run."""

    record: RunRecord
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class WaitingForResources:
    """The cluster has no place for the run; ``what`` is the message."""

    what: str


Message = RunStarted | RunStepped | RunFinished


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that ended without a record."""

    cause: str  # "ValueError: the last line of its message"
    trace: str
    final: bool  # True if no attempt is left
    lost: bool = False  # True if its node was lost; it resumes from its checkpoint elsewhere


@dataclass(frozen=True, slots=True)
class Event:
    """A message or a failure of a run."""

    run: PlannedRun
    what: Message | Failure | WaitingForResources
