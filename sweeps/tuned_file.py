"""What ``make tune`` writes: every trial, the value of each model, and a place for the reviewer's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

FINISHED: Final = "finished"

Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One value, and what came of it."""

    value: Number
    state: Literal["finished", "pruned", "failed"]
    objective: Number | None  # mean over seeds; of a finished trial alone
    seeds: tuple[Number, ...]  # the objective of each seed that was finished
    stopped: str | None  # where a pruned trial was stopped, or why one failed


@dataclass(frozen=True, slots=True)
class Own:
    """The value that the grid has without tuning."""

    value: Number
    objective: Number | None  # None where it was not tried to the end


@dataclass(frozen=True, slots=True)
class Flat:
    """Values that were tried and are not worse than the best by more than the noise."""

    low: Number
    high: Number
    trials: int
    noise: Number  # in the objective's unit: half the 95 % interval of a difference between two trials


@dataclass(frozen=True, slots=True)
class TunedModel:
    """The value of one model."""

    value: Number  # the reviewer may choose another one of a finished trial
    objective: Number
    own: Own
    flat: Flat | None  # None where too few trials finished
    notes: tuple[str, ...]
    path: str
    cell: Mapping[str, str]  # at which it was tuned
    before: Mapping[str, Number]  # knobs of an earlier tuning that this one stands on
    range: tuple[Number, Number]
    steps: int
    trials: tuple[TrialLine, ...]


@dataclass(frozen=True, slots=True)
class TunedFile:
    """One knob, tuned for the models of one grid."""

    reviewed: str | None  # by whom and when; a grid stands on a reviewed file alone
    grid: str
    profile: str
    knob: str
    scale: Literal["logarithmic", "linear"]
    objective: str
    seeds: tuple[int, ...]
    problems: str
    search: str
    stands_on: str | None  # an earlier tuning
    commits: tuple[str, ...]
    command: str
    seconds: Number  # of all trials, summed
    models: Mapping[str, TunedModel]
