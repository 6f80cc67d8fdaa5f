"""The events of a sweep's runs, as the driver receives them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from harness.common import format_duration
from harness.records import RunRecord

if TYPE_CHECKING:
    from harness.config import ExperimentConfig

MAX_ATTEMPTS: Final = 2  # a failed run is retried once; lost nodes do not count


class ResourceRequester(Protocol):
    """A run that asks for a part of the cluster."""

    @property
    def run_id(self) -> str:
        """The name of the run in messages."""

    @property
    def config(self) -> ExperimentConfig:
        """The config, whose backend states the resources."""


class Queued(ResourceRequester, Protocol):
    """A run, or a place in the queue whose run is chosen when it starts."""

    @property
    def seconds(self) -> float:
        """The expected seconds."""


class Launchable(Queued, Protocol):
    """A run that the launcher executes: a planned run of a sweep, or a trial of a tuning."""

    @property
    def steps(self) -> int:
        """The number of its last step."""

    @property
    def folder(self) -> str | None:
        """The name of its folder among those of all runs; None if it writes nothing."""


Run_co = TypeVar("Run_co", bound=Launchable, covariant=True)


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


class RunEnded(ABC):
    """A worker's last message on a run."""

    __slots__ = ()

    @abstractmethod
    def summary(self) -> str:
        """Return the result in a few words."""


@dataclass(frozen=True, slots=True)
class RunFinished(RunEnded):
    """The end of a run with its record."""

    record: RunRecord
    files: Mapping[str, bytes]

    def summary(self) -> str:
        """Return the accuracy before and after training, and the duration."""
        scores = [f"{self.record.scores[f'{moment}/accuracy']:.3f}" for moment in ("start", "final")]
        return f"accuracy {' -> '.join(scores)}, {format_duration(self.record.wall_seconds)}"


@dataclass(frozen=True, slots=True)
class RunPruned:
    """The driver has stopped a run that falls behind the others."""

    step: int


@dataclass(frozen=True, slots=True)
class WaitingForResources:
    """The cluster has no place for the run; ``what`` is the message."""

    what: str


Message = RunStarted | RunStepped | RunEnded


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that ended without a record."""

    cause: str  # "ValueError: the last line of its message"
    trace: str
    final: bool  # True if no attempt is left
    lost: bool = False  # True if its node was lost; it resumes from its checkpoint elsewhere


@dataclass(frozen=True, slots=True)
class Event(Generic[Run_co]):
    """A message or a failure of a run."""

    run: Run_co
    what: Message | Failure | RunPruned | WaitingForResources
