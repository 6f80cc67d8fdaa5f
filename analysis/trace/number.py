"""A traced number: its address ``TABLE/ROW/COLUMN``, and its text for a terminal.

An example is ``norms.laptop/small_base,easy,batch/final/accuracy``. TABLE is the name of the files without their
ending. ROW lists labels of the row in any order, as many as are needed to identify it. ``axis=label`` is needed if a
label occurs on two axes. COLUMN is the column's name in the CSV file, its title, or a part of either.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from analysis.report import commit, describe_environments, read_rule_settings
from analysis.study import format_labels
from harness.common import suggest
from harness.records import RunRecord, Study, classify_failure


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: its name in CSV files and its title."""

    key: str
    title: str


@dataclass(frozen=True, slots=True)
class TracedRow:
    """A row by its labels: axis -> label."""

    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class TracedSide:
    """One cell behind a number: its runs and the value of each seed."""

    role: str  # "arm", "baseline", "cell", ...
    study: Study
    cell: int
    metric: str
    values: Mapping[int, float]  # seed -> value; unused seeds are left out
    records: tuple[RunRecord, ...]  # by seed, including failed runs
    settings: Mapping[str, str]  # settings that not all cells of the study share
    links: Mapping[str, str]  # run id -> its address in MLflow


@dataclass(frozen=True, slots=True, eq=False)
class TracedNumber:
    """A number of a table with its sources."""

    text: str  # as the table prints it
    how: tuple[str, ...]  # how it is computed
    sides: tuple[TracedSide, ...] = ()
    combined: Mapping[int, float] = field(default_factory=dict)  # seed -> value; the number is their mean


@dataclass(frozen=True, slots=True, eq=False)
class TracedTable:
    """A table; ``look`` returns the number at a row and a column."""

    name: str
    rows: tuple[TracedRow, ...]
    columns: tuple[Heading, ...]
    look: Callable[[int, int], TracedNumber]


_CHANGED: Final = "with uncommitted changes"


def text(address: str, number: TracedNumber, results: Path) -> str:
    """Format a traced number: value, method, values by seed, and the runs.

    Args:
        address: The full address of the number.
        number: The number.
        results: The results folder.

    """
    lines = [address, "", f"value        {number.text or '—'}", *_headed("computed", number.how)]
    if number.combined:
        lines += ["", "seed by seed", *(f"  {seed:>4}  {value:.6g}" for seed, value in number.combined.items())]
    for side in number.sides:
        lines += ["", *_side(side, results)]
    records = [record for side in number.sides for record in side.records if record.seed in side.values]
    return "\n".join([*lines, *_origin(records)])


def _side(side: TracedSide, results: Path) -> Iterator[str]:
    yield f"{side.role:12} {format_labels(side.study.cells[side.cell])}"
    yield f"{'cell id':12} {side.study.cell_ids[side.cell]} of {side.study.name} ({side.study.profile} profile)"
    used = [record for record in side.records if record.seed in side.values]
    if used:
        yield from _headed("rule", (f"{hook}: {what}" for hook, what in read_rule_settings(used[0])))
        yield from _headed("settings", _settings(side))
        yield f"  seed  {side.metric}"
    else:
        yield f"{'runs':12} none with {side.metric}"
    for record in used:
        yield from _run(side, record, results)
    for record in side.records:
        if record.seed not in side.values:
            yield f"  {record.seed:>4}  {_uncounted(record)}  {record.run_id}"


def _uncounted(record: RunRecord) -> str:
    """Return how a run that is not in the number counts in verdicts."""
    why = classify_failure(record.error) if record.status == "failed" else "outside"
    return (
        record.status
        + {
            "arm": ", not in this number; the worst outcome in verdicts",
            "unknown": " for an unknown reason, not in this number; judged both ways in verdicts",
            "outside": ", not counted",
        }[why]
    )


def _settings(side: TracedSide) -> Iterator[str]:
    yield from (f"{name}={value}" for name, value in side.settings.items())
    yield "all other settings are the same in all cells of the study: config.yaml in each folder"


def _run(side: TracedSide, record: RunRecord, results: Path) -> Iterator[str]:
    yield f"  {record.seed:>4}  {side.values[record.seed]:.6g}  {record.run_id}  commit {commit(record, _CHANGED)}"
    yield f"        {results / 'runs' / f'{side.study.name}.{record.run_id}'}"
    if record.run_id in side.links:
        yield f"        {side.links[record.run_id]}"


def _origin(records: Sequence[RunRecord]) -> Iterator[str]:
    if records:
        yield ""
        facts = describe_environments({record.run_id: record for record in records}.values())
        yield from _headed("environment", (f"{name} {value}" for name, value in facts))


def _headed(head: str, lines: Iterable[str]) -> Iterator[str]:
    """Return lines with a heading to the left of the first one."""
    return (f"{'' if place else head:12} {line}" for place, line in enumerate(lines))


EXAMPLE: Final = "CELL=TABLE/LABEL,LABEL/COLUMN, as in CELL=norm_ablation.laptop/small_base,mixed,group/final/accuracy"
AT_MOST: Final = 12  # candidates that an error lists


class TraceError(LookupError):
    """An address without a number, or with several; the message lists the candidates."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """An address as given, possibly incomplete."""

    table: str
    labels: tuple[str, ...]
    column: str


def parse_address(text: str) -> Fragment:
    """Split an address into its parts; missing parts are empty.

    Raises TraceError without a table.
    """
    table, _, rest = text.strip().partition("/")
    row, _, column = rest.partition("/")
    if not table:
        raise TraceError(f"address: required; give that of a number: {EXAMPLE}")
    return Fragment(table, tuple(part.strip() for part in row.split(",") if part.strip()), column.strip())


def find_table(wanted: str, names: Collection[str]) -> str:
    """Return the table with this name, or the only one whose name starts with it.

    Raises TraceError if there is none or several.
    """
    if wanted in names:
        return wanted
    near = sorted(name for name in names if name.startswith(wanted))
    if len(near) == 1:
        return near[0]
    if near:
        raise TraceError(f"several tables begin with {wanted}: {_listed(near)}")
    raise TraceError(f"no table {wanted!r}; {suggest(wanted, names)}")


def find_number(book: TracedTable, fragment: Fragment) -> tuple[int, int]:
    """Return the row and the column of a number.

    Raises TraceError if there is none or several, and lists the candidates.
    """
    rows, columns = _rows(book, fragment.labels), _columns(book, fragment.column)
    found = [(row, column) for row in rows for column in columns]
    if len(found) > 1:
        texts = [format_address(book, row, column) for row, column in found]
        raise TraceError(f"{len(found)} numbers match; give more of the address:\n  {_listed(texts, chr(10) + '  ')}")
    return found[0]


def format_address(book: TracedTable, row: int, column: int) -> str:
    """Return the full address of a number.

    Args:
        book: The table.
        row: Index of the row.
        column: Index of the column.

    """
    return f"{book.name}/{','.join(book.rows[row].labels.values())}/{book.columns[column].key}"


def _rows(book: TracedTable, wanted: Sequence[str]) -> list[int]:
    fitting = _fitting(book.rows, wanted, _has) or _fitting(book.rows, wanted, _holds)
    exact = [place for place in fitting if {*book.rows[place].labels.values()} == {*wanted}]
    if not fitting:
        known = {label for row in book.rows for label in row.labels.values()} - {""}
        unknown = next((word for word in wanted if word.rpartition("=")[2] not in known), None)
        if unknown is not None:
            raise TraceError(f"{book.name} has no row with {unknown!r}; {suggest(unknown.rpartition('=')[2], known)}")
        near = [",".join(book.rows[place].labels.values()) for place in _nearest(book.rows, wanted)]
        raise TraceError(f"{book.name} has no row with all of {', '.join(wanted)}; nearest: {_listed(near)}")
    return exact or fitting


def _has(row: TracedRow, word: str) -> bool:
    axis, equals, label = word.rpartition("=")
    return row.labels.get(axis) == label if equals else word in row.labels.values()


def _holds(row: TracedRow, word: str) -> bool:
    return any(word in label for label in row.labels.values())


def _fitting(rows: Sequence[TracedRow], wanted: Sequence[str], fits: Callable[[TracedRow, str], bool]) -> list[int]:
    return [place for place, row in enumerate(rows) if all(fits(row, word) for word in wanted)]


def _nearest(rows: Sequence[TracedRow], wanted: Sequence[str]) -> list[int]:
    shared = [sum(_has(row, word) for word in wanted) for row in rows]
    return [place for place, count in enumerate(shared) if count == max(shared)]


def _columns(book: TracedTable, wanted: str) -> list[int]:
    names = [(column.key.lower(), column.title.lower()) for column in book.columns]
    exact = [place for place, pair in enumerate(names) if wanted.lower() in pair]
    fitting = exact or [place for place, pair in enumerate(names) if any(wanted.lower() in name for name in pair)]
    if not fitting:
        raise TraceError(f"{book.name} has no column {wanted!r}; {suggest(wanted, [c.key for c in book.columns])}")
    return fitting


def _listed(texts: Sequence[str], between: str = ", ") -> str:
    more = f"{between}and {len(texts) - AT_MOST} more" if len(texts) > AT_MOST else ""
    return between.join(texts[:AT_MOST]) + more
