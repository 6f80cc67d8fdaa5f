"""The part of the report that shows one study, with its plan and progress."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.curves import read_learning_curves
from analysis.report.curves import CurveFigure, build_curve_figures
from analysis.report.judged import VerdictTable, build_report_verdicts, count_primary_words
from analysis.report.lineage import Lineage, Sources, build_lineage, collect_sources
from analysis.report.links import Links, TraceLink
from analysis.report.numbers import Numbers, draw_effects, draw_end_scores, link_numbers
from analysis.stats import ShareReader, find_twins, format_twin, make_share_reader, shorten
from analysis.study import find_varied_axes, find_warning, format_labels, name_cell, select_finished
from analysis.study_data import StudyData
from analysis.tables import build_curves_table, build_factorial_table, build_study_table
from harness.records import Study

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from harness.records import Skipped
    from harness.tracking import Store


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis and its labels, with the baseline's label."""

    name: str
    labels: tuple[str, ...]
    baseline: str | None


@dataclass(frozen=True, slots=True)
class Fact:
    """A question about the plan and its answers, one per line."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanCounts:
    """The progress of a plan, in numbers of runs."""

    cells: int
    runs: int  # planned: number of cells that run times number of seeds
    finished: int
    failed: int


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """The plan of a study as the report shows it."""

    axes: tuple[Axis, ...]
    counts: PlanCounts
    facts: tuple[Fact, ...]


def describe_plan(study: Study, taken: pd.DataFrame) -> ReportPlan:
    """Return the plan of a study and the progress of its planned runs (``runs.select_planned``)."""
    axes = tuple(Axis(axis, tuple(labels), study.baseline.get(axis)) for axis, labels in study.axes.items())
    facts = (Fact(title, tuple(lines)) for title, lines in _facts(study, taken))
    return ReportPlan(axes, count_runs(study, taken), tuple(fact for fact in facts if fact.lines))


def count_runs(study: Study, taken: pd.DataFrame) -> PlanCounts:
    """Return the planned, finished and failed runs; a run that two cells share counts once."""
    idle = set(find_twins(study)) if study.once else set()
    own = {study.cell_ids[cell] for cell in range(len(study.cells)) if cell not in idle}
    once = taken.drop_duplicates("run_id")
    by_status = Counter(once["status"])
    planned = len(own) * len(study.seeds)
    return PlanCounts(len(study.cells), planned, by_status["finished"], by_status["failed"])


def _facts(study: Study, taken: pd.DataFrame) -> Iterator[tuple[str, Iterable[str]]]:
    named = [entry.labels for entry in (*study.skipped, *study.refused)]
    axes = find_varied_axes(study, (*study.cells, *named))
    yield "Deciding score", [study.metric]
    yield "Baseline", [format_labels(study.baseline)] if study.baseline else ["none: no cell is compared with another"]
    yield "Seeds planned", [", ".join(map(str, study.seeds))]
    yield "Seeds finished", _seeds(study, taken, axes)
    yield "Primary family", _family(study)
    yield "Margin of equivalence", _margin(study)
    yield "Controls", [_control(study, place) for place in range(len(study.controls))]
    yield "Fraction", [f"defining words: {', '.join('·'.join(word) for word in study.fraction)}"] * bool(study.fraction)
    yield "What the paper leaves open, and what was chosen", study.choices
    yield "Tuning", [study.tuning] if study.tuning else ["none on record"]
    yield "Feeds", study.feeds
    yield "Twins", _twins(study, axes)
    yield "Skipped", _left_out(study.skipped, axes)
    yield "Refused", _left_out(study.refused, axes)
    yield "Failed", _failed(study, taken, axes)


def _seeds(study: Study, taken: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """Yield the number of complete cells, then the incomplete cells with their seeds."""
    done = select_finished(taken)
    seeds = done.groupby("cell")["seed"].agg(set).to_dict()
    idle = set(find_twins(study)) - set(seeds) if study.once else set()
    wanted = [cell for cell in range(len(study.cells)) if cell not in idle]
    short = [cell for cell in wanted if seeds.get(cell, set()) != {*study.seeds}]
    yield f"all of them in {len(wanted) - len(short)} of {len(wanted)} cells"
    for cell in short:
        found = ", ".join(map(str, sorted(seeds.get(cell, set())))) or "none"
        yield f"{name_cell(axes, study.cells[cell])}: {found}"


def _family(study: Study) -> Iterator[str]:
    if not study.baseline:
        return
    if study.primary is None:
        yield "every contrast with a baseline"
    for part in study.primary or ():
        yield _slice(part) or "every contrast with a baseline"


def _slice(part: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{axis} = {' or '.join(labels)}" for axis, labels in part.items())


def _margin(study: Study) -> list[str]:
    if study.margin is None:
        return ["none declared: no equivalence is claimed"]
    return [f"±{study.margin:g}, in the unit of {study.metric}"]


def _control(study: Study, place: int) -> str:
    control = study.controls[place]
    return (
        f"{control.name}: {format_labels(control.labels)}; {control.metric} is to be {control.expect}: "
        f"{control.because}"
    )


def _twins(study: Study, axes: Sequence[str]) -> Iterator[str]:
    kept = "not run" if study.once else "run all the same, as an A/A control"
    for twin in find_twins(study).values():
        why = f" ({twin.because})" if twin.because else ""
        yield f"{name_cell(axes, study.cells[twin.cell])}: {format_twin(study, twin)}, {kept}{why}"


def _left_out(entries: Iterable[Skipped], axes: Sequence[str]) -> Iterator[str]:
    return (f"{name_cell(axes, entry.labels)}: {entry.because}" for entry in entries)


def _failed(study: Study, taken: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    failed = taken[taken["status"] == "failed"].sort_values(["cell", "seed"])
    for cell, seed, error in zip(failed["cell"], failed["seed"], failed["error"], strict=True):
        yield f"{name_cell(axes, study.cells[cell])}, seed {seed}: {shorten(error)}"


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A study and its place on the page."""

    data: StudyData
    outcomes: ShareReader  # run id -> share of correct samples by problem
    trace: TraceLink
    links: Links

    @classmethod
    def read(cls, store: Store, study: Study, anchor: str, results: Path) -> Section:
        """Read a study from the store.

        Args:
            store: The store of the runs.
            study: The study.
            anchor: The id of its part of the page.
            results: The results folder with the files of the runs.

        """
        data, trace = StudyData.read(store, study, results), TraceLink(anchor)
        return cls(data, make_share_reader(results, study.name), trace, Links(data, trace))


@dataclass(frozen=True, slots=True)
class ReportPart:
    """The content of the report about one study."""

    id: str
    study: Study
    warning: str
    sources: Sources
    plan: ReportPlan
    verdicts: VerdictTable
    words: dict[str, int]  # verdict words of the primary family
    factorial: Numbers | None
    numbers: Numbers
    figures: tuple[CurveFigure, ...]
    learning: Numbers | None
    lineage: Lineage


def build_part(section: Section) -> ReportPart:
    """Return the part of the report about a study."""
    data, trace = section.data, section.trace
    study, taken, history = data.study, data.taken, data.history
    found = build_report_verdicts(study, taken, read_learning_curves(study, taken, history), section.outcomes, trace)
    learning, factors = build_curves_table(study, taken, history), build_factorial_table(study, taken)
    return ReportPart(
        id=trace.anchor,
        study=study,
        warning=find_warning(study),
        sources=collect_sources(taken),
        plan=describe_plan(study, taken),
        verdicts=found,
        words=count_primary_words(found),
        factorial=draw_effects(factors, f"{trace.anchor}.lineage") if factors else None,
        numbers=draw_end_scores(build_study_table(study, data.runs), data, section.links),
        figures=build_curve_figures(study, taken, history),
        learning=link_numbers(learning, section.links) if learning else None,
        lineage=build_lineage(data, trace),  # last: it needs the numbers of all other tables
    )
