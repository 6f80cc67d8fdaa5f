"""The words after ``python -m sweeps``, read strictly."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import inf
from pathlib import Path
from typing import Final, Literal, get_args

from harness.results import results_folder
from harness.schema import SchemaError, suggest
from sweeps.cost.hardware import Cluster, parse_cluster
from sweeps.tune_arguments import TUNE

Command = Literal["plan", "run"]
MOST_SEEDS: Final = 10_000  # of a range
KEEP, ONCE = "keep", "once"  # what is done with twins

USAGE: Final = """\
usage: python -m sweeps plan|run [grid=NAME] [profile=laptop] [full=1] [seeds=0,1] [twins=keep] [cluster=8xH100]
                              [effect=0.03] [results=results]

  plan      print what `run` would do: cells, runs, cost, what it can show; runs nothing
  run       run what is not finished; start it again to resume

  grid      a name in sweeps/grids, or the path of a YAML file
  profile   a profile of the grid; laptop always exists
  full      1 crosses all axes; without it a grid's quick slices run
  seeds     in place of the grid's seeds; 0-5 are six
  twins     keep, or once: of cells that cannot differ, run the first alone
  cluster   count on these GPUs, such as 8xH100 or 2x8xH100; the profile gpu counts on 8xH100 unasked
  effect    say how many seeds a difference of this size takes, in the unit of the grid's metric
  results   the folder of runs, of their locks and, without MLFLOW_TRACKING_URI, of MLflow's database

environment: RAY_ADDRESS (a cluster, as host:port), CLUSTER_WAIT (minutes that it is given to
             grow where no node could hold a run), MLFLOW_TRACKING_URI (a tracking server),
             RESULTS_DIR (the results folder), LAUNCH=inline (no Ray, for debuggers)"""

_FLAGS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


@dataclass(frozen=True, slots=True)
class Arguments:
    """What to plan or run."""

    grid: str = "smoke"
    profile: str = "laptop"
    full: bool = False
    seeds: tuple[int, ...] | None = None  # None: the grid's own
    twins: str = KEEP
    cluster: Cluster | None = None  # None: 8xH100 for the profile gpu, else this machine
    effect: float | None = None  # a wished one, in the metric's unit
    results: Path = field(default_factory=results_folder)

    def command(self) -> str:
        """What a person types to go on with this sweep."""
        full, seeds = self.full, ",".join(map(str, self.seeds or ()))
        words = [f"GRID={self.grid}", f"PROFILE={self.profile}", "FULL=1" * full, f"SEEDS={seeds}" * bool(seeds)]
        words += [f"TWINS={self.twins}"] * (self.twins != KEEP)
        if self.results == Path("results"):
            return " ".join(["make sweep", *filter(None, words)])
        small = [word.lower().partition("=")[0] + "=" + word.partition("=")[2] for word in words if word]
        return " ".join(["python -m sweeps run", *small, f"results={self.results}"])


def parse(words: list[str]) -> tuple[Command, Arguments]:
    """Read ``plan grid=smoke full=1``. Raises SchemaError with the nearest known word."""
    commands = get_args(Command)
    if not words or words[0] not in commands:
        given = words[0] if words else "nothing"
        raise SchemaError(f"{given}: no such command; {suggest(given, (*commands, TUNE))}")
    command: Command = "plan" if words[0] == "plan" else "run"
    pairs = [_pair(word) for word in words[1:]]
    return command, Arguments(**{key: _READERS.get(key, str)(value) for key, value in pairs})  # type: ignore[arg-type]


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    known = [field.name for field in fields(Arguments)]
    if key not in known:
        raise SchemaError(f"{key}: no such argument; {suggest(key, known)}")
    if not equals:
        raise SchemaError(f"{key}: write {key}=VALUE")
    return key, value


def _flag(value: str) -> bool:
    if value.lower() not in _FLAGS:
        raise SchemaError(f"full={value}: write full=1 or full=0")
    return _FLAGS[value.lower()]


def _seeds(value: str) -> tuple[int, ...]:
    ranges = [_range(word.strip()) for word in value.split(",")]
    found = [seed for each in ranges for seed in each]
    if not all(ranges) or len({*found}) < len(found):
        raise SchemaError(f"seeds={value}: write different whole numbers with commas between, such as seeds=0,1 or 0-5")
    return tuple(found)


def _range(word: str) -> range:
    """``3`` is one number, ``0-5`` are six, anything else is none."""
    first, _, last = word.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal() or word.endswith("-"):
        return range(0)
    found = range(int(first), int(last or first) + 1)
    return found if len(found) <= MOST_SEEDS else range(0)


def _twins(value: str) -> str:
    if value not in (KEEP, ONCE):
        raise SchemaError(f"twins={value}: write twins=keep or twins=once")
    return value


def _effect(value: str) -> float:
    try:
        effect = float(value)
    except ValueError:
        effect = 0.0
    if not 0 < effect < inf:
        raise SchemaError(f"effect={value}: write a difference above zero in the metric's unit, such as effect=0.03")
    return effect


_READERS: Final = {
    "full": _flag,
    "seeds": _seeds,
    "twins": _twins,
    "cluster": parse_cluster,
    "effect": _effect,
    "results": results_folder,
}
