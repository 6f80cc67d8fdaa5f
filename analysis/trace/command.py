"""``make trace CELL=...``: from a number in a table to the runs behind it."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from analysis.frame import planned, runs_frame
from analysis.study_tables import study_tables
from analysis.takeaways.catalog import CLAIMS
from analysis.takeaways.command import STUDIES
from analysis.takeaways.judge import findings
from analysis.takeaways.measured import Material, Shelf
from analysis.trace.address import address, find, find_table, parse
from analysis.trace.file_book import file_book, names
from analysis.trace.study_book import held, study_book
from analysis.trace.takeaway_book import takeaway_book
from analysis.trace.text import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from analysis.trace.book import Book
    from analysis.trace.study_book import Held
    from harness.records import Study
    from harness.store import Store


def trace(store: Store, results: Path, cell: str) -> str:
    """What stands behind the number at an address. Raises TraceError where it leads nowhere, or to several."""
    wanted = parse(cell)
    studies = store.studies()
    profiles = {f"takeaways.{study.profile}" for study in studies if study.name in STUDIES}
    made = {f"{study.name}.{study.profile}": study for study in studies}
    name = find_table(wanted.table, sorted({*names(results / "tables"), *made, *profiles}))
    book = _book(store, results, name, studies)
    row, column = find(book, wanted)
    return text(address(book, row, column), book.look(row, column), results)


def _book(store: Store, results: Path, name: str, studies: Sequence[Study]) -> Book:
    kind, _, profile = name.partition(".")
    if kind == "takeaways" and any(study.profile == profile and study.name in STUDIES for study in studies):
        return _takeaways(store, results, profile, studies)
    for study in studies:
        if name == f"{study.name}.{study.profile}" or name.startswith(f"{study.name}.{study.profile}."):
            for book in _of_study(store, results, study):
                if book.name == name:
                    return book
    return file_book(results / "tables", name)


def _of_study(store: Store, results: Path, study: Study) -> Iterator[Book]:
    found = _held(store, results, study)
    runs = runs_frame(store.records(study.name))
    for table in study_tables(study, runs, found.material.history):
        yield study_book(table, found)


def _takeaways(store: Store, results: Path, profile: str, studies: Sequence[Study]) -> Book:
    """All runs are taken, of whatever commits: what a number stands on is what is asked for."""
    found = {
        study.name: _held(store, results, study)
        for study in studies
        if study.profile == profile and study.name in STUDIES
    }
    shelf = Shelf(profile, {name: each.material for name, each in found.items()}, {})
    return takeaway_book(findings(CLAIMS, shelf), profile, found)


def _held(store: Store, results: Path, study: Study) -> Held:
    records = store.records(study.name)
    taken = planned(runs_frame(records), study)
    history = cache(partial(store.history, study.name))
    return held(Material(study, taken, history, results / "runs", store.links(study.name)), records)
