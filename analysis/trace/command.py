"""The command ``make trace CELL=...``: trace a number in a table to its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from analysis.claims import judge_claims
from analysis.paper import build_paper_table, read_readings
from analysis.paper.claims import CLAIMS, STUDIES
from analysis.paper.sections import FIGURES, build_views
from analysis.stats import make_share_reader
from analysis.study_data import ProfileData, StudyData
from analysis.tables import build_study_tables
from analysis.trace.books import list_table_names, trace_file, trace_study_table, trace_takeaways
from analysis.trace.number import TraceError, find_number, find_table, format_address, parse_address, text
from harness.common import REFERENCE_RESULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from analysis.paper import PaperFigure
    from analysis.trace.number import TracedNumber, TracedTable
    from harness.records import Study
    from harness.tracking import Store


TABLES: Final = "tables"  # folder of tables in the results and in the reference
KINDS: Final = ("", ".verdicts", ".effects", ".curves", ".factorial")  # name endings of the tables of a study


def trace_number(store: Store, results: Path, cell: str) -> str:
    """Return a text on the number at an address: its value, method, seeds and runs.

    Args:
        store: The store of the runs.
        results: The results folder.
        cell: The address (``format_address``).

    Raises:
        TraceError: The address fits no number, or several.

    """
    address, number = _find(store, results, cell)
    return text(address, number, results)


def trace_settings(store: Store, results: Path, cell: str) -> Mapping[str, Any]:
    """Return all settings of the runs behind a number, those of the arm where it compares an arm with a baseline.

    Args:
        store: The store of the runs.
        results: The results folder.
        cell: The address (``format_address``).

    Returns:
        The settings of the first of these runs, as its record has them; its seed is one of several.

    Raises:
        TraceError: The address fits no number, or several, or no run is behind it.

    """
    address, number = _find(store, results, cell)
    sides = sorted(number.sides, key=lambda side: side.role != "arm")
    records = [record for side in sides for record in side.records]
    if not records:
        raise TraceError(f"{address}: no run of this number is in the store; its settings are not known here")
    return records[0].config


def _find(store: Store, results: Path, cell: str) -> tuple[str, TracedNumber]:
    wanted = parse_address(cell)
    studies = store.studies()
    profiles = {f"takeaways.{study.profile}" for study in studies if study.name in STUDIES}
    made = {f"{study.name}.{study.profile}{kind}" for study in studies for kind in KINDS}
    drawn = {f"{figure.id}.{study.profile}" for figure in FIGURES for study in studies if study.name in figure.grids}
    kept = {*list_table_names(results / TABLES), *list_table_names(REFERENCE_RESULTS / TABLES)}
    name = find_table(wanted.table, sorted({*kept, *made, *drawn, *profiles}))
    book = _book(store, results, name, studies)
    row, column = find_number(book, wanted)
    return format_address(book, row, column), book.look(row, column)


def _book(store: Store, results: Path, name: str, studies: Sequence[Study]) -> TracedTable:
    kind, _, profile = name.partition(".")
    if kind == "takeaways" and any(study.profile == profile and study.name in STUDIES for study in studies):
        return _takeaways(store, results, profile, studies)
    figure = next((figure for figure in FIGURES if figure.id == kind), None)
    members = [study for study in studies if figure and study.profile == profile and study.name in figure.grids]
    if figure and members:
        return _of_paper(store, results, figure, members)
    of_study = [study for study in studies if f"{name}.".startswith(f"{study.name}.{study.profile}.")]
    books = (book for study in of_study for book in _of_study(store, results, study) if book.name == name)
    # The reference is not used for a study that has runs here.
    folders = [results / TABLES, *([] if of_study else [REFERENCE_RESULTS / TABLES])]
    return next(books, None) or _of_file(folders, name)


def _of_file(folders: Sequence[Path], name: str) -> TracedTable:
    tables = next((folder for folder in folders if name in list_table_names(folder)), None)
    if tables is None:
        raise TraceError(f"{name}: these runs do not give such a table")
    return trace_file(tables, name)


def _of_paper(store: Store, results: Path, figure: PaperFigure, members: Sequence[Study]) -> TracedTable:
    found = [StudyData.read(store, study, results) for study in members]
    return trace_study_table(build_paper_table(figure, build_views(figure, found, read_readings())), *found)


def _of_study(store: Store, results: Path, study: Study) -> Iterator[TracedTable]:
    found = StudyData.read(store, study, results)
    for table in build_study_tables(study, found.runs, found.history, make_share_reader(results, study.name)):
        yield trace_study_table(table, found)


def _takeaways(store: Store, results: Path, profile: str, studies: Sequence[Study]) -> TracedTable:
    """Return the traced table of the takeaways, with runs of all commits.

    The user asks for the sources of a number, so mixed runs are not refused.
    """
    found = {
        study.name: StudyData.read(store, study, results)
        for study in studies
        if study.profile == profile and study.name in STUDIES
    }
    return trace_takeaways(judge_claims(CLAIMS, ProfileData(profile, found, {})), profile, found)
