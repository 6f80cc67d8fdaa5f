"""A table whose numbers can be traced: rows, columns, and what stands behind each number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.records import RunRecord, Study


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: its name in CSV files, and for people."""

    key: str
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row by its labels: axis -> label."""

    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Runs behind a number: one cell, with what each of its seeds put in."""

    role: str  # "arm", "baseline", "cell", ...
    study: Study
    cell: int
    metric: str
    values: Mapping[int, float]  # seed -> value; seeds that were not used are left out
    records: tuple[RunRecord, ...]  # by seed, failed ones too
    settings: Mapping[str, str]  # those that not all cells of the study share
    links: Mapping[str, str]  # run id -> where MLflow shows it


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A number of a table, with what it stands on."""

    text: str  # as the table prints it
    how: tuple[str, ...]  # how it is computed
    sides: tuple[Side, ...] = ()
    combined: Mapping[int, float] = field(default_factory=dict)  # seed -> what the number is the mean of


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """A table, row by row. ``look`` gives the number at a row and a column."""

    name: str
    rows: tuple[Row, ...]
    columns: tuple[Heading, ...]
    look: Callable[[int, int], Number]
