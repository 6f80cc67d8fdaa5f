"""Commands that write or print results: tables, figures, the report. They start no run.

Each function does the work of one command and returns what it prints.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.study import build_runs_frame, explain_mixture
from analysis.tables import ResultTable, build_study_table, write_result
from harness.common import suggest
from harness.tracking import Store, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd

    from harness.records import Study


class UsageError(ValueError):
    """A wrong call; the message gives the right one."""


@dataclass(frozen=True, slots=True)
class StudySelection:
    """The studies to show; None means all of them."""

    results: Path
    grid: str | None = None
    profile: str | None = None
    mixed: bool = False  # allow runs of different commits or machines in one table

    def takes(self, name: str, profile: str) -> bool:
        """Return True if the study with this name and profile is selected."""
        return self.grid in (None, name) and self.profile in (None, profile)


def run_tables(asked: StudySelection) -> Iterator[Path]:
    """Write the tables of the studies.

    Studies whose runs cannot be combined are reported after all others are written.

    Raises:
        UsageError: There is no such study.
        StoreError: The store or the disk fails, or runs cannot be combined.

    """
    store = Store.open(asked.results)
    studies = _chosen(store, asked)
    found = [(study, build_runs_frame(store.records(study.name))) for study in studies]
    reasons = [None if asked.mixed else explain_mixture(study, runs) for study, runs in found]
    counted = [each for each, reason in zip(found, reasons, strict=True) if not reason]
    written: list[Path] = []
    yield from _noted(_table_files(store, counted, asked.results), written)
    if asked.grid is None:
        yield from _noted(_controls(counted, asked.results), written)
        yield from _noted(_takeaways(store, studies, asked), written)
    _say_borrowed(counted, asked.results)
    if refused := list(filter(None, reasons)):
        raise StoreError("\n".join(refused))
    _say_left(store, asked.results / "tables", written, asked)


def _table_files(store: Store, counted: Sequence[tuple[Study, pd.DataFrame]], results: Path) -> Iterator[Path]:
    from analysis.paper.sections import write_tables  # noqa: PLC0415 - matplotlib, a second
    from analysis.stats import make_share_reader  # noqa: PLC0415
    from analysis.tables import build_study_tables  # noqa: PLC0415

    for study, runs in counted:
        for table in build_study_tables(
            study, runs, partial(store.history, study.name), make_share_reader(results, study.name)
        ):
            yield from _write_table(results, table)
    yield from write_tables(store, [study for study, _ in counted], results)


def _noted(paths: Iterable[Path], written: list[Path]) -> Iterator[Path]:
    for path in paths:
        written.append(path)
        yield path


def _say_borrowed(counted: Sequence[tuple[Study, pd.DataFrame]], results: Path) -> None:
    """Print the reference file behind the verifier's note if the user has no own file."""
    from analysis.tables import note_reference_file  # noqa: PLC0415

    for line in dict.fromkeys(filter(None, (note_reference_file(runs, results) for _, runs in counted))):
        print(line, file=sys.stderr)


def _say_left(store: Store, folder: Path, written: Sequence[Path], asked: StudySelection) -> None:
    """Print the leftovers of earlier commands if this command covered the whole store."""
    from analysis.tables import describe_leftovers  # noqa: PLC0415

    everything = asked.grid is None and asked.profile is None and not store.unreadable()
    if everything and (line := describe_leftovers(folder, written)):
        print(line, file=sys.stderr)


def run_takeaways(asked: StudySelection) -> Iterator[Path]:
    """Write the judged claims.

    Raises UsageError if a grid is given, because claims are judged on all grids together.
    """
    store = Store.open(asked.results)
    chosen = _chosen(store, asked)
    if asked.grid is not None:
        raise UsageError("takeaways use all grids together; leave grid out")
    yield from _takeaways(store, chosen, asked)


def run_figures(asked: StudySelection) -> Iterator[Path]:
    """Write the figures of the studies. Raises UsageError or StoreError."""
    from analysis.paper.sections import write_figures  # noqa: PLC0415 - matplotlib, a second

    store = Store.open(asked.results)
    studies = _chosen(store, asked)
    written: list[Path] = []
    for study in studies:
        yield from _noted(_study_figures(store, study, asked.results), written)
    yield from _noted(write_figures(store, studies, asked.results), written)
    _say_left(store, asked.results / "figures", written, asked)


def run_report(asked: StudySelection) -> Iterator[Path]:
    """Write plan, verdicts, tables, curves and lineage as one page.

    Raises UsageError or StoreError.
    """
    from analysis.report import ReportOptions, render_page  # noqa: PLC0415

    store = Store.open(asked.results)
    chosen = ReportOptions(claims=asked.grid is None, mixed=asked.mixed)
    made = render_page(store, _chosen(store, asked), asked.results, chosen)
    name = ".".join(("report", *filter(None, (asked.grid, asked.profile)), "html"))
    yield write_result(asked.results / name, made.encode())


def run_summary(asked: StudySelection) -> Iterator[str]:
    """Yield a short table of each study. Raises UsageError or StoreError."""
    from analysis.tables import summarize_table as short  # noqa: PLC0415

    store = Store.open(asked.results)
    for study in _chosen(store, asked):
        yield short(build_study_table(study, build_runs_frame(store.records(study.name))), study.baseline)


def run_replays(results: Path) -> Iterator[Path]:
    """Write the table and figure of every replay. Raises StoreError if there is none."""
    from analysis.figures import write_replays  # noqa: PLC0415 - matplotlib, a second

    yield from write_replays(results)


def run_trace(results: Path, cell: str) -> Iterator[str]:
    """Yield the sources of a number in a table. Raises UsageError for an invalid address."""
    from analysis.trace import TraceError, trace_number as traced  # noqa: PLC0415

    try:
        yield traced(Store.open(results), results, cell)
    except TraceError as error:
        raise UsageError(str(error)) from None


def find_cell_settings(results: Path, cell: str) -> Mapping[str, Any]:
    """Return all settings of the runs behind a number in a table. Raises UsageError for an invalid address."""
    from analysis.trace import TraceError, trace_settings  # noqa: PLC0415

    try:
        return trace_settings(Store.open(results), results, cell)
    except TraceError as error:
        raise UsageError(str(error)) from None


def run_guide(results: Path, case: Mapping[str, str], mixed: bool) -> Iterator[str]:
    """Yield the advice for one case, or the paths of the tables if no case is given.

    Args:
        results: The results folder.
        case: The options that name the case.
        mixed: Include studies with runs of several commits or environments.

    Raises:
        UsageError: The options name no valid case.

    """
    from analysis.guide import ScenarioError, answer_guide as advice  # noqa: PLC0415

    try:
        yield advice(Store.open(results), results, case, mixed)
    except ScenarioError as error:
        raise UsageError(str(error)) from None


def _chosen(store: Store, asked: StudySelection) -> list[Study]:
    studies = store.studies()
    _tell_unreadable(store, asked)
    if not studies:
        raise StoreError(f"{store.place} has no study yet; run one with `make sweep GRID=smoke`")
    for option, given, names in (
        ("grid", asked.grid, {study.name for study in studies}),
        ("profile", asked.profile, {study.profile for study in studies}),
    ):
        if given is not None and given not in names:
            raise UsageError(f"no {option} {given!r} in {store.place}; {suggest(given, names)}")
    wanted = [study for study in studies if asked.takes(study.name, study.profile)]
    if not wanted:
        raise UsageError(f"{asked.grid} has no runs of profile {asked.profile} in {store.place}")
    return wanted


def _tell_unreadable(store: Store, asked: StudySelection) -> None:
    """Print the unreadable studies; raise StoreError if the selected grid is among them."""
    faults = [fault for (name, profile), fault in store.unreadable().items() if asked.takes(name, profile)]
    if faults and asked.grid is not None:
        raise StoreError("\n".join(faults))
    for fault in faults:
        print(f"left out: {fault}", file=sys.stderr)


def _controls(counted: Sequence[tuple[Study, pd.DataFrame]], results: Path) -> Iterator[Path]:
    from analysis.tables import build_controls_table  # noqa: PLC0415

    for profile in sorted({study.profile for study, _ in counted}):
        table = build_controls_table([(study, runs) for study, runs in counted if study.profile == profile])
        if table is not None:
            yield from _write_table(results, table)


def _write_table(results: Path, table: ResultTable) -> Iterator[Path]:
    from analysis.tables import render_csv, render_latex, render_markdown  # noqa: PLC0415

    for ending, render in (("md", render_markdown), ("csv", render_csv), ("tex", render_latex)):
        yield write_result(results / "tables" / f"{table.name}.{ending}", render(table).encode())


def _takeaways(store: Store, studies: Sequence[Study], asked: StudySelection) -> Iterator[Path]:
    from analysis.paper.claims import write_takeaways  # noqa: PLC0415

    yield from write_takeaways(store, studies, asked.results, asked.mixed)


def _study_figures(store: Store, study: Study, results: Path) -> Iterator[Path]:
    from analysis.figures import draw_curves, draw_study  # noqa: PLC0415 - matplotlib, a second

    runs, history = build_runs_frame(store.records(study.name)), partial(store.history, study.name)
    for kind, drawn in (("", draw_study), ("curves.", draw_curves)):
        for ending, content in drawn(study, runs, history).items():
            yield write_result(results / "figures" / f"{study.name}.{study.profile}.{kind}{ending}", content)
