"""The words after ``python -m sweeps tune``, read strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from harness.results import results_folder
from harness.schema import SchemaError, suggest

TUNE: Final = "tune"  # the command

TUNE_USAGE: Final = """\
usage: python -m sweeps tune grid=NAME knob=lr|clip_ratio_high [profile=laptop] [trials=12] [low=...] [high=...]
                             [steps=...] [seeds=1001,1002] [at=AXIS=LABEL,...] [results=results]

  tune      look for a good value of a continuous knob, for each model of a grid, before the grid is run; start it
            again to resume. It writes results/tuned/GRID.KNOB.yaml, for a person to review (docs/tuning.md)

  knob      lr (optim.lr) or clip_ratio_high (tricks.clip_higher.clip_ratio_high)
  trials    values that are tried for each model
  low, high the range; by default lr from a tenth to ten times the grid's own, clip_ratio_high from 0.1 to 0.5
  steps     of each trial; by default those of the grid
  seeds     two or more that the grid has under no profile
  at        the cell to tune at, such as at=difficulty=mixed; by default the first of each model at the baseline

environment: RAY_ADDRESS, RESULTS_DIR and LAUNCH, as for run"""


@dataclass(frozen=True, slots=True)
class TuneArguments:
    """What to tune, and how long."""

    grid: str = ""
    knob: str = ""
    profile: str = "laptop"
    trials: int = 12
    low: float | None = None
    high: float | None = None
    steps: int | None = None
    seeds: tuple[int, ...] = (1001, 1002)
    at: Mapping[str, str] = field(default_factory=dict)
    results: Path = field(default_factory=results_folder)

    @property
    def name(self) -> str:
        """What its files are called."""
        grid = Path(self.grid).stem if self.grid.endswith(".yaml") else self.grid
        return ".".join([grid, *([self.profile] if self.profile != "laptop" else []), self.knob])

    def command(self) -> str:
        """What a person types to go on with it, or to do it again."""
        given = {part.name: getattr(self, part.name) for part in fields(self)}
        standard = TuneArguments(results=Path("results"))
        changed = {name: value for name, value in given.items() if value != getattr(standard, name)}
        if "results" in changed:
            return " ".join(
                ["python -m sweeps tune", *(f"{name}={_written(value)}" for name, value in changed.items())]
            )
        return " ".join(["make tune", *(f"{name.upper()}={_written(value)}" for name, value in changed.items())])


def parse_tune(words: list[str]) -> TuneArguments:
    """Read ``grid=smoke knob=lr trials=6``. Raises SchemaError with the nearest known word, or what is missing."""
    known = [part.name for part in fields(TuneArguments)]
    given: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in known:
            raise SchemaError(f"{key}: no such argument; {suggest(key, known)}")
        if not equals or not value:
            raise SchemaError(f"{key}: write {key}=VALUE")
        given[key] = _READERS.get(key, _word)(key, value)
    for key in ("grid", "knob"):
        if key not in given:
            raise SchemaError(f"{key}: required; write {key}=NAME")
    return TuneArguments(**given)


def _word(_: str, value: str) -> str:
    return value


def _count(key: str, value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise SchemaError(f"{key}={value}: write a whole number from 1")
    return int(value)


def _number(key: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise SchemaError(f"{key}={value}: write a number above 0, such as {key}=1e-4")
    return number


def _seeds(key: str, value: str) -> tuple[int, ...]:
    words = value.split(",")
    if not all(word.isdecimal() for word in words) or len({*map(int, words)}) < max(len(words), 2):
        raise SchemaError(f"{key}={value}: write two or more different whole numbers, such as {key}=1001,1002")
    return tuple(map(int, words))


def _labels(key: str, value: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in value.split(",")]
    if not all(axis and label for axis, _, label in pairs):
        raise SchemaError(f"{key}={value}: write AXIS=LABEL with commas between, such as {key}=difficulty=mixed")
    return {axis: label for axis, _, label in pairs}


def _path(_: str, value: str) -> Path:
    return results_folder(value)


_READERS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "trials": _count,
    "steps": _count,
    "low": _number,
    "high": _number,
    "seeds": _seeds,
    "at": _labels,
    "results": _path,
}


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{axis}={label}" for axis, label in value.items())
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
