"""The command ``make trace CELL=...``: trace a number in a table to its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.claims.judge import findings
from analysis.paper.claims.catalog import CLAIMS, STUDIES
from analysis.paper.numbers import readings
from analysis.paper.sections.registry import FIGURES, views
from analysis.paper.table import paper_table
from analysis.stats.evaluation import shares_of
from analysis.study_data import ProfileData, StudyData
from analysis.tables.study import study_tables
from analysis.trace.address import TraceError, address, find, find_table, parse
from analysis.trace.books import file_book, names, study_book, takeaway_book
from analysis.trace.text import text
from harness.common.results import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from analysis.paper.figure import PaperFigure
    from analysis.trace.text import TracedTable
    from harness.records.record import Study
    from harness.tracking.store import Store


TABLES: Final = "tables"  # folder of tables in the results and in the reference
KINDS: Final = ("", ".verdicts", ".effects", ".curves", ".factorial")  # name endings of the tables of a study


def trace(store: Store, results: Path, cell: str) -> str:
    """Return a text on the number at an address: its value, method, seeds and runs.

    Args:
        store: The store of the runs.
        results: The results folder.
        cell: The address (``address``).

    Raises:
        TraceError: The address fits no number, or several.

    """
    wanted = parse(cell)
    studies = store.studies()
    profiles = {f"takeaways.{study.profile}" for study in studies if study.name in STUDIES}
    made = {f"{study.name}.{study.profile}{kind}" for study in studies for kind in KINDS}
    drawn = {f"{figure.id}.{study.profile}" for figure in FIGURES for study in studies if study.name in figure.grids}
    kept = {*names(results / TABLES), *names(REFERENCE / TABLES)}
    name = find_table(wanted.table, sorted({*kept, *made, *drawn, *profiles}))
    book = _book(store, results, name, studies)
    row, column = find(book, wanted)
    return text(address(book, row, column), book.look(row, column), results)


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
    folders = [results / TABLES, *([] if of_study else [REFERENCE / TABLES])]
    return next(books, None) or _of_file(folders, name)


def _of_file(folders: Sequence[Path], name: str) -> TracedTable:
    tables = next((folder for folder in folders if name in names(folder)), None)
    if tables is None:
        raise TraceError(f"{name}: these runs do not give such a table")
    return file_book(tables, name)


def _of_paper(store: Store, results: Path, figure: PaperFigure, members: Sequence[Study]) -> TracedTable:
    found = [StudyData.read(store, study, results) for study in members]
    return study_book(paper_table(figure, views(figure, found, readings())), *found)


def _of_study(store: Store, results: Path, study: Study) -> Iterator[TracedTable]:
    found = StudyData.read(store, study, results)
    for table in study_tables(study, found.runs, found.history, shares_of(results, study.name)):
        yield study_book(table, found)


def _takeaways(store: Store, results: Path, profile: str, studies: Sequence[Study]) -> TracedTable:
    """Return the traced table of the takeaways, with runs of all commits.

    The user asks for the sources of a number, so mixed runs are not refused.
    """
    found = {
        study.name: StudyData.read(store, study, results)
        for study in studies
        if study.profile == profile and study.name in STUDIES
    }
    return takeaway_book(findings(CLAIMS, ProfileData(profile, found, {})), profile, found)
