"""The lineage of numbers: runs, seeds and commit, and settings that runs share."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Final

from analysis.stats import shorten
from analysis.study import find_varied_axes, name_cell, select_finished
from harness.common import join_limited
from harness.tracking import flat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd

    from analysis.report.links import TraceLink
    from analysis.study_data import StudyData
    from harness.records import RunRecord


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


ADOPTED: Final = "adopted from"  # in the provenance of a run that another study made


@dataclass(frozen=True, slots=True)
class LineageHead:
    """A column of scores or differences; the numbers of the page link to its id."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class LineageLine:
    """A run and its scores under the headings of its table."""

    id: str
    run_id: str
    seed: int
    outcome: str  # "finished", or why not
    scores: tuple[str, ...]
    seconds: str  # CPU and wall-clock time
    commit: str
    link: str  # address of the run in MLflow; may be empty


@dataclass(frozen=True, slots=True)
class LineageGaps:
    """Differences to a baseline by seed."""

    baseline: str  # in words
    source: str  # the id of the baseline's entry
    heads: tuple[LineageHead, ...]
    lines: tuple[tuple[int, tuple[str, ...]], ...]  # seed, differences


@dataclass(frozen=True, slots=True)
class LineageEntry:
    """The lineage of a cell."""

    id: str
    cell_id: str
    title: str
    runs: str  # summary in a few words
    heads: tuple[LineageHead, ...]
    lines: tuple[LineageLine, ...]
    gaps: tuple[LineageGaps, ...]
    rule: tuple[Setting, ...]  # hook, settings in effect
    settings: tuple[Setting, ...]  # settings that not all cells share


@dataclass(frozen=True, slots=True)
class Lineage:
    """The lineage of all numbers of a study."""

    entries: tuple[LineageEntry, ...]
    shared: tuple[Setting, ...]  # settings that all cells share
    environments: tuple[Setting, ...]


def build_lineage(data: StudyData, trace: TraceLink) -> Lineage:
    """Return the lineage of all cells with a run.

    Call it last: ``trace`` must hold all numbers that the page shows.
    """
    study, runs = data.study, data.by_cell
    axes = find_varied_axes(study, study.cells)
    titles = {cell: name_cell(axes, labels) for cell, labels in enumerate(study.cells)}
    entries = tuple(
        LineageEntry(
            id=trace.cell(cell),
            cell_id=study.cell_ids[cell],
            title=titles[cell],
            runs=_runs(found),
            heads=_heads(trace.scores.get(cell, {})),
            lines=tuple(_lines(found, data.links, trace, cell)),
            gaps=tuple(_gaps(cell, data, trace, titles)),
            rule=read_rule_settings(found[0]),
            settings=tuple(own_settings(data, cell).items()),
        )
        for cell, found in sorted(runs.items())
    )
    return Lineage(entries, tuple(sorted(shared_settings(data).items())), describe_environments(_once(runs)))


def _runs(runs: Sequence[RunRecord]) -> str:
    """Format the run ids as ``2 runs: 0123456789-s0, -s1``.

    A run id consists of the cell's id and the seed.
    """
    first, *others = (record.run_id for record in runs)
    start = first.rpartition("-")[0]
    ids = ", ".join((first, *(run_id.removeprefix(start) for run_id in others)))
    return f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}: {ids}"


def _once(runs: Mapping[int, Sequence[RunRecord]]) -> list[RunRecord]:
    return list({record.run_id: record for found in runs.values() for record in found}.values())


def _heads(ids: Mapping[str, str]) -> tuple[LineageHead, ...]:
    return tuple(LineageHead(place, title) for title, place in ids.items())


def _lines(runs: Sequence[RunRecord], links: Mapping[str, str], trace: TraceLink, cell: int) -> Iterator[LineageLine]:
    for place, record in enumerate(runs):
        yield LineageLine(
            id=f"{trace.cell(cell)}.r{place}",
            run_id=record.run_id,
            seed=record.seed,
            outcome=_outcome(record),
            scores=tuple(_text(_score(record, title)) for title in trace.scores.get(cell, {})),
            seconds=f"{record.cpu_seconds:.1f}, {record.wall_seconds:.1f}",
            commit=commit(record, "changed"),
            link=links.get(record.run_id, ""),
        )


def _outcome(record: RunRecord) -> str:
    if record.status == "failed":
        return f"failed: {shorten(record.error or '')}"
    origin = record.provenance.get(ADOPTED)
    return f"finished, adopted from {origin}" if origin else "finished"


def _gaps(cell: int, data: StudyData, trace: TraceLink, titles: Mapping[int, str]) -> Iterator[LineageGaps]:
    """Yield one table per baseline, with one row per common seed and one column per score."""
    asked = trace.gaps.get(cell, {})
    for back in dict.fromkeys(back for back, _ in asked):
        heads = {score: place for (of, score), place in asked.items() if of == back}
        gaps = [data.differences(cell, back, score) for score in heads]
        seeds = sorted(data.run_ids(cell).keys() & data.run_ids(back).keys())
        lines = tuple((seed, tuple(_text(gap.get(seed), "+.6g") for gap in gaps)) for seed in seeds)
        yield LineageGaps(titles[back], trace.cell(back), _heads(heads), lines)


def _score(record: RunRecord, title: str) -> float | None:
    known = {"cpu_seconds": record.cpu_seconds, "wall_seconds": record.wall_seconds}
    return known[title] if title in known else record.scores.get(title)


def _text(value: float | None, form: str = ".6g") -> str:
    return "\N{EM DASH}" if value is None or not isfinite(value) else format(value, form)
