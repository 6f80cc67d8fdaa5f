"""Settings of runs as dotted names, and which of them all cells share."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from analysis.text import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.records import RunRecord

Setting = tuple[str, str]  # dotted name, value

_OF_RUNS: Final = ("seed",)  # settings of a run, not of its cell
_TOLD: Final = ("commit", "dirty", "adopted from")  # provenance that stands beside each run


def settings(record: RunRecord) -> dict[str, str]:
    """The settings of a run's cell: dotted name -> value as JSON."""
    return {name: value for name, value in _flat(record.config) if name not in _OF_RUNS}


def shared(of_cells: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The settings that all cells have alike."""
    first, *others = of_cells or ({},)
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def rule(record: RunRecord) -> tuple[Setting, ...]:
    """Hook and settings in effect, in the order of names."""
    return tuple((hook, " + ".join(parts) or "none") for hook, parts in sorted(record.rule.items()))


def environments(records: Iterable[RunRecord]) -> tuple[Setting, ...]:
    """Packages, machine and data of the runs; where runs differ, each value with how many have it."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        for name, value in record.provenance.items():
            if name not in _TOLD:
                found[name][value] += 1
    return tuple((name, _counted(values)) for name, values in sorted(found.items()))


def _counted(values: Counter[str]) -> str:
    if len(values) == 1:
        return next(iter(values))
    return listed([f"{value} ({count} runs)" for value, count in sorted(values.items())])


def _flat(value: Any, at: str = "") -> Iterator[Setting]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{at}.{name}" if at else str(name))
    else:
        yield at, value if isinstance(value, str) else json.dumps(value)
