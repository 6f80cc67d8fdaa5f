"""Settings and sources that the runs of a study share."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from analysis.study.frame import select_finished
from harness.common.text import join_limited
from harness.tracking.tags import flat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd

    from analysis.study_data import StudyData
    from harness.records.record import RunRecord


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of a study's finished runs."""

    commits: tuple[str, ...]  # ten characters each
    mixed: tuple[str, ...]  # warnings about mixed runs; empty if all sources are the same


def collect_sources(taken: pd.DataFrame) -> Sources:
    """Return the sources of a study's finished runs among its planned runs."""
    runs = select_finished(taken).drop_duplicates("run_id")
    commits = Counter(str(commit)[:10] for commit in runs["commit"])
    return Sources(tuple(sorted(commits)), tuple(_mixed(runs, commits)))


def _mixed(runs: pd.DataFrame, commits: Counter[str]) -> Iterator[str]:
    if len(commits) > 1:
        yield f"Mixed commits, so that a difference may come from the code: {_counted(commits)}."
    environments = Counter(str(name) for name in runs["environment"])
    if len(environments) > 1:
        yield f"Mixed environments: {_counted(environments)}."
    data = Counter(str(name) for name in runs["data"] if name)
    if len(data) > 1:
        yield f"Trained on different rows or tiers: {_counted(data)}."
    if dirty := sum(flag in {"yes", "true", "unknown"} for flag in runs["dirty"]):
        yield f"The code of {dirty} of {len(runs)} runs is not that of its commit: changes not committed, or no git."


def _counted(names: Counter[str]) -> str:
    return join_limited([f"{name} ({count} runs)" for name, count in sorted(names.items())])


Setting = tuple[str, str]  # dotted name, value

_OF_RUNS: Final = ("seed",)  # settings of a run, not of its cell
_TOLD: Final = ("commit", "dirty", "adopted from")  # provenance that is shown for each run


def flatten_settings(record: RunRecord) -> dict[str, str]:
    """Return the settings of a run's cell: dotted name -> value as JSON."""
    return {name: value for name, value in flat(record.config) if name not in _OF_RUNS}


def find_shared_settings(of_cells: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the settings that are equal in all cells."""
    first, *others = of_cells or ({},)
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


@cache
def shared_settings(data: StudyData) -> dict[str, str]:
    """Return the settings that all cells of a study share."""
    return find_shared_settings([flatten_settings(runs[0]) for _, runs in sorted(data.by_cell.items())])


def own_settings(data: StudyData, cell: int) -> dict[str, str]:
    """Return the settings of a cell that not all cells share, by name; empty without a run."""
    same = shared_settings(data)
    runs = data.by_cell.get(cell, ())[:1]
    return {
        name: value for record in runs for name, value in sorted(flatten_settings(record).items()) if name not in same
    }


def commit(record: RunRecord, changed: str) -> str:
    """Return the commit of a run; ``changed`` follows it if the code was not that of the commit."""
    name = str(record.provenance.get("commit", "unknown"))[:10]
    return name if record.provenance.get("dirty") in {"no", "false"} else f"{name}, {changed}"


def read_rule_settings(record: RunRecord) -> tuple[Setting, ...]:
    """Return each hook with its settings in effect, ordered by name."""
    return tuple((hook, " + ".join(parts) or "none") for hook, parts in sorted(record.rule.items()))


def describe_environments(records: Iterable[RunRecord]) -> tuple[Setting, ...]:
    """Return the packages, machine and data of the runs, with counts where they differ."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        for name, value in record.provenance.items():
            if name not in _TOLD:
                found[name][value] += 1
    return tuple((name, _settings_counted(values)) for name, values in sorted(found.items()))


def _settings_counted(values: Counter[str]) -> str:
    if len(values) == 1:
        return next(iter(values))
    return join_limited([f"{value} ({count} runs)" for value, count in sorted(values.items())])
