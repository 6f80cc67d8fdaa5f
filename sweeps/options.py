"""The options of a sweep and of a tuning, and how their values are read from text."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from math import inf
from pathlib import Path
from typing import Any, Final

from harness.common import SchemaError, results_folder
from sweeps.cost import Cluster

MOST_SEEDS: Final = 10_000  # largest range
KEEP, ONCE = "keep", "once"  # run all equivalent cells, or only the first
LAPTOP: Final = "laptop"


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """The options of ``sweep`` and ``plan``."""

    grid: str = "smoke"
    words: tuple[str, ...] = ()  # the axes and settings of an ad-hoc grid, in place of a written one
    profile: str = LAPTOP
    full: bool = False
    seeds: tuple[int, ...] | None = None  # None: the grid's own
    twins: str = KEEP
    cluster: Cluster | None = None  # None: 8xH100 for the profile gpu, else this machine
    effect: float | None = None  # a difference to detect, in the metric's unit
    results: Path = field(default_factory=results_folder)

    def command(self) -> str:
        """Return the line that resumes this sweep.

        It is ``make sweep`` where make can express it, else ``liteppo sweep``.
        """
        seeds = ",".join(map(str, self.seeds or ()))
        given = {"full": "1" * self.full, "seeds": seeds, "twins": self.twins * (self.twins != KEEP)}
        options = {"profile": self.profile, **{name: value for name, value in given.items() if value}}
        if self.results == Path("results") and not self.words:
            return " ".join(["make sweep", f"GRID={self.grid}", *_upper(options)])
        away = {} if self.results == Path("results") else {"results": str(self.results)}
        what = self.words or (self.grid,)
        return shlex.join(["liteppo", "sweep", *what, *_options({**options, **away})])


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """The options of ``tune``."""

    grid: str = ""
    knob: str = ""
    profile: str = LAPTOP
    trials: int = 12
    low: float | None = None
    high: float | None = None
    steps: int | None = None
    seeds: tuple[int, ...] = (1001, 1002)
    at: Mapping[str, str] = field(default_factory=dict)
    results: Path = field(default_factory=results_folder)

    @property
    def name(self) -> str:
        """The name of its files, without the extension."""
        grid = Path(self.grid).stem if self.grid.endswith(".yaml") else self.grid
        return ".".join([grid, *([self.profile] if self.profile != LAPTOP else []), self.knob])

    def command(self) -> str:
        """Return the line that resumes this tuning."""
        given = {part.name: getattr(self, part.name) for part in fields(self)}
        standard = TuneOptions(results=Path("results"))
        changed = {name: _written(value) for name, value in given.items() if value != getattr(standard, name)}
        if "results" not in changed:
            return " ".join(["make tune", *_upper(changed)])
        return shlex.join(["liteppo", "tune", changed.pop("grid"), *_options(changed)])


def read_seeds(text: str) -> tuple[int, ...]:
    """Read ``0-5`` or ``0,2``. Raises SchemaError."""
    ranges = [_range(word.strip()) for word in text.split(",")]
    found = [seed for each in ranges for seed in each]
    if not all(ranges) or len({*found}) < len(found):
        raise SchemaError(f"seeds={text}: write different whole numbers separated by commas, such as seeds=0,1 or 0-5")
    return tuple(found)


def _range(word: str) -> range:
    """Return the numbers of ``3`` or ``0-5``; an empty range for anything else."""
    first, _, last = word.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal() or word.endswith("-"):
        return range(0)
    found = range(int(first), int(last or first) + 1)
    return found if len(found) <= MOST_SEEDS else range(0)


def read_twins(text: str) -> str:
    """Read ``keep`` or ``once``. Raises SchemaError."""
    if text not in (KEEP, ONCE):
        raise SchemaError(f"twins={text}: write twins=keep or twins=once")
    return text


def read_effect(text: str) -> float:
    """Read a difference above zero. Raises SchemaError."""
    try:
        effect = float(text)
    except ValueError:
        effect = 0.0
    if not 0 < effect < inf:
        raise SchemaError(f"effect={text}: write a difference above zero in the metric's unit, such as effect=0.03")
    return effect


def read_tune_options(given: Mapping[str, str]) -> dict[str, Any]:
    """Read the options of a tuning from text. Raises SchemaError that names the invalid one."""
    return {name: _TUNING[name](name, text) for name, text in given.items()}


def _count(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise SchemaError(f"{name}={text}: write a whole number from 1")
    return int(text)


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < inf:
        raise SchemaError(f"{name}={text}: write a number above 0, such as {name}=1e-4")
    return number


def _two_seeds(name: str, text: str) -> tuple[int, ...]:
    words = text.split(",")
    if not all(word.isdecimal() for word in words) or len({*map(int, words)}) < max(len(words), 2):
        raise SchemaError(f"{name}={text}: write two or more different whole numbers, such as {name}=1001,1002")
    return tuple(map(int, words))


def _labels(name: str, text: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in text.split(",")]
    if not all(axis and label for axis, _, label in pairs):
        raise SchemaError(f"{name}={text}: write AXIS=LABEL separated by commas, such as {name}=difficulty=mixed")
    return {axis: label for axis, _, label in pairs}


_TUNING: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "trials": _count,
    "steps": _count,
    "low": _number,
    "high": _number,
    "seeds": _two_seeds,
    "at": _labels,
}


def _upper(options: Mapping[str, str]) -> list[str]:
    return [f"{name.upper()}={value}" for name, value in options.items()]


def _options(options: Mapping[str, str]) -> list[str]:
    """Return options as words such as ``--full --seeds 0,1``; flags have no value."""
    return [
        word for name, value in options.items() for word in ([f"--{name}"] if name == "full" else [f"--{name}", value])
    ]


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{axis}={label}" for axis, label in value.items())
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
