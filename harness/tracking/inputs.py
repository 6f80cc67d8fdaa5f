"""The data sets of a run, in the form of MLflow's inputs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal

from harness.records.record import DATA_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.records.record import RunHead, RunRecord

HELD_OUT: Final = "held out "  # prefix of a benchmark's name

_ARITHMETIC: Final = "arithmetic"  # generated problems
_DIGITS: Final = 16  # of a digest; MLflow takes 36 at most
_WHOLE: Final = "all"  # the whole source


@dataclass(frozen=True, slots=True)
class DataSet:
    """Problems that a run trains on or is scored on."""

    name: str
    digest: str  # hexadecimal; of the rows if their hash is recorded, else of the settings that select them
    context: Literal["train", "eval"]
    source: str  # JSON: what selects the problems

    @property
    def kind(self) -> str:
        """MLflow's type of the source."""
        return "code"


def list_data_sets(record: RunHead | RunRecord) -> tuple[DataSet, ...]:
    """Return the data sets of a run, those it trains on first.

    The result is empty where the run's settings do not name them.
    """
    return (*_trained_on(record), *_scored_on(record))


def _trained_on(record: RunHead | RunRecord) -> Iterator[DataSet]:
    data = record.config.get("data") or {}
    source, part = data.get("source"), data.get("part", _WHOLE)
    names = [f"{source}/{each}" for each in data.get("difficulties", ())]
    if data.get("path"):  # a user's file is recorded by its name or its path
        names = [name for name in _hashed(record.provenance) if not name.startswith(HELD_OUT)]
    for name in names:
        selected = {"source": source, "problems": name, "part": part}
        shown = name if part == _WHOLE else f"{name}, part {part}"
        yield _data_set(shown, "train", selected, _hashed(record.provenance).get(name))


def _scored_on(record: RunHead | RunRecord) -> Iterator[DataSet]:
    settings, hashes = record.config.get("eval") or {}, _hashed(record.provenance)
    for benchmark in settings.get("benchmarks", ()):
        selected = {"benchmark": benchmark, "problems": settings.get("problems")}
        if benchmark == _ARITHMETIC:
            selected["difficulties"] = record.config.get("data", {}).get("difficulties")
        elif benchmark in settings:  # the size of a benchmark that comes in two
            selected["rows"] = settings[benchmark]
        yield _data_set(f"{HELD_OUT}{benchmark}", "eval", selected, hashes.get(f"{HELD_OUT}{benchmark}"))


def _hashed(provenance: Mapping[str, str]) -> dict[str, str]:
    """Return data set name -> SHA-256 of its rows."""
    return {
        name.removeprefix(DATA_PREFIX): digest for name, digest in provenance.items() if name.startswith(DATA_PREFIX)
    }


def _data_set(
    name: str, context: Literal["train", "eval"], selected: Mapping[str, Any], rows: str | None = None
) -> DataSet:
    source = json.dumps({**selected, **({"sha256": rows} if rows else {})}, sort_keys=True)
    return DataSet(name, sha256(source.encode()).hexdigest()[:_DIGITS], context, source)
