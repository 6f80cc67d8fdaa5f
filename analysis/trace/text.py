"""A traced number and its text for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from analysis.report.settings import commit, describe_environments, read_rule_settings
from analysis.study.layout import format_labels
from harness.records.failures import classify_failure
from harness.records.record import RunRecord, Study

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


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


_CHANGED: Final = "with changes that are not in it"


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
