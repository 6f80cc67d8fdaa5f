"""A trial as it travels: what a worker has to know, and what it says."""

from __future__ import annotations

from dataclasses import dataclass

from harness.config import ExperimentConfig
from sweeps.events import Failure


@dataclass(frozen=True, slots=True)
class Job:
    """A value to try for a model."""

    label: str  # of the model
    number: int  # of the trial, for that model
    value: float
    name: str  # "small_base lr=0.0003"
    config: ExperimentConfig  # its seed means nothing
    seeds: tuple[int, ...]

    @property
    def run_id(self) -> str:
        """What messages call it."""
        return self.name


@dataclass(frozen=True, slots=True)
class Step:
    """A step of one seed."""

    place: int  # of the seed among those of the job
    step: int
    accuracy: float  # share of right responses among all that the step sampled first, before it learned from them


@dataclass(frozen=True, slots=True)
class Ended:
    """The last word on a job."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that a worker said of a job, or how the job failed."""

    job: Job
    what: Step | Ended | Failure
