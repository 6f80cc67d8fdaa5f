"""A user's own problems, for training and evaluation: read, cleaned, compared, described."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.data import cache as stored
from harness.data.answers import find_answer_fault, is_empty
from harness.data.cache import Tier, describe_contents
from harness.data.card import DEFAULT_SETTINGS, Card, Removed, is_listed, removals
from harness.data.catalog import BENCHMARK_TABLES, DataError, Problem
from harness.data.defects import BenchmarkIndex, Statement, explain_no_answer, is_same_gold, normalize_statement
from harness.data.rows import DataRow, format_further_lines, read_own_rows
from harness.data.sources import LoadedTable, ProblemSource, data_folder, load_table
from harness.data.tiers import remove_defects
from harness.data.wording import tokenize_statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.data.files import OwnFile

_LISTED: Final = 5


@dataclass(frozen=True, slots=True)
class OwnTable:
    """The rows of a user's file, and notes on them."""

    loaded: LoadedTable
    notes: tuple[str, ...]


def is_tier(path: Path) -> bool:
    """Return whether a file holds the rows of a tier, which has a card next to it."""
    return stored.card_path(path).is_file()


def read_own_table(file: OwnFile) -> OwnTable:
    """Read the rows of a file.

    Raises DataError where the file cannot be read, or has changed since the run was described.
    """
    path = Path(file.path)
    content = _content(path)
    found = hashlib.sha256(content).hexdigest()
    if file.sha256 not in {None, found}:
        raise DataError(
            f"{path}: the file has changed since the run was described (SHA-256 {str(file.sha256)[:12]}…, now "
            f"{found[:12]}…); start the command again to begin another run"
        )
    return _table(path, content, found)


def build_own_tier(file: OwnFile, held_out: tuple[LoadedTable, ...] = (), *, graded: bool = True) -> Tier:
    """Build a tier from a user's file, without held-out problems.

    Problems that a built-in tier would not contain are removed too.

    Args:
        file: The file of problems.
        held_out: The complete benchmarks of the run. Problems that repeat one of theirs are removed and listed.
        graded: True if the verifier must read the answers, False if a reward function does.

    Returns:
        The tier with its card.

    Raises:
        DataError: The file cannot be read, or no problem is left.

    """
    table = read_own_table(file)
    name, loaded = Path(file.path).name, table.loaded
    clean = remove_defects(loaded, held_out, graded=graded)
    if not clean.rows:
        why = _counted(clean.removed)
        raise DataError(f"{file.path}: none of its {len(loaded.rows)} problems can be trained on: {why}")
    problems = tuple(row.as_problem() for row in clean.rows)
    notes = (*table.notes, *_listed_duplicates(clean.removed), *_compared(clean.rows, held_out))
    rule = "all, without what repeats a held-out problem" if held_out else "all"
    return Tier(problems, _card(name, rule, problems, loaded.source, clean.removed, held_out, notes, graded=graded))


def read_held_out_problems(file: OwnFile, name: str, *, graded: bool = True) -> tuple[tuple[Problem, ...], Card]:
    """Read the problems of a user's file for evaluation. No problem is removed.

    Args:
        file: The file of problems.
        name: The name of the benchmark.
        graded: True if the verifier must read the answers, False if a reward function does.

    Returns:
        The problems in the order of the file, and their card.

    Raises:
        DataError: The file or an answer cannot be read, or one wording has two answers.

    """
    table = read_own_table(file)
    rows = table.loaded.rows
    _refuse_unreadable(rows, graded=graded)
    problems = tuple(row.as_problem() for row in rows)
    notes = (*table.notes, *_repeated(rows, graded=graded))
    return problems, _card(name, "all, held out", problems, table.loaded.source, (), (), notes, graded=graded)


def _content(path: Path) -> bytes:
    if path.exists() and not path.is_file() and not path.is_dir():  # such as a pipe, which can be read once
        raise DataError(f"{path}: not a regular file; write the rows to a file, since a run reads them more than once")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(
            f"{path}: no such file; paths are relative to the folder of the command, and on a cluster every node "
            "needs the file"
        ) from None
    except IsADirectoryError:
        raise DataError(f"{path}: a folder; name a file of JSON Lines in it") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


@lru_cache(maxsize=16)
def _table(path: Path, content: bytes, sha256: str) -> OwnTable:
    read = read_own_rows(path, content)
    source = ProblemSource(path.name, path.name, len(read.rows), len(read.rows), sha256, known=True)
    levels = ", ".join(f"{level} {count:,}" for level, count in read.levels.items())
    notes = [f"levels: {levels}"] if levels else []
    notes += [f"columns that are ignored: {', '.join(read.unread)}"] if read.unread else []
    return OwnTable(LoadedTable(source, read.rows), tuple(notes))


def _card(
    name: str,
    rule: str,
    problems: Sequence[Problem],
    source: ProblemSource,
    removed: Sequence[Removed],
    held_out: Sequence[LoadedTable],
    notes: tuple[str, ...],
    *,
    graded: bool,
) -> Card:
    read = source.rows
    described: Mapping[str, object] = (
        describe_contents(problems) if graded else describe_contents(problems) | {"unknown": ()}
    )
    return Card(
        headline=f"{name}: {len(problems):,} problems of a file of one's own"
        + (f", of {read:,} rows" if read != len(problems) else ""),
        name=name,
        rule=rule,
        sources=(source, *(one.source for one in held_out)),
        **removals(removed),
        **described,  # type: ignore[arg-type]
        notes=notes,
    )


def _counted(removed: Iterable[Removed]) -> str:
    counts: dict[str, list[Removed]] = {}
    for item in removed:
        counts.setdefault(item.reason, []).append(item)
    return "; ".join(
        f"{reason} {found[0].other or ''} ({found[0].problem_id}), {len(found)} in all".replace("  ", " ")
        for reason, found in counts.items()
    )


def _listed_duplicates(removed: Iterable[Removed]) -> list[str]:
    """Return a note on removed problems that no list of the card names."""
    others = [item for item in removed if not is_listed(item)]
    if not others:
        return []
    shown = ", ".join(f"{item.problem_id} ({item.reason} {item.other or ''})".replace(" )", ")") for item in others)
    return [f"also left out: {shown}"]


def _compared(rows: Sequence[DataRow], held_out: Sequence[LoadedTable]) -> list[str]:
    """Return notes on problems that repeat a benchmark without a score in this run.

    These problems are kept.
    """
    scored = {one.source.name for one in held_out}
    if data_folder() is None:
        return ["not compared with benchmarks outside this run's evaluation: DATA_DIR has no folder with them"]
    notes = []
    for name in BENCHMARK_TABLES:
        try:
            loaded = load_table(name)
        except DataError as error:
            notes.append(f"not compared with {name}: {error}")
            continue
        if loaded.source.name in scored:
            continue
        known = _indexed(loaded)
        found = [
            row.row_id
            for row in rows
            if known.overlap(tokenize_statement(row.problem), DEFAULT_SETTINGS.near, DEFAULT_SETTINGS.covered)
            is not None
        ]
        if found:
            shown = ", ".join(found[:_LISTED]) + (", ..." if len(found) > _LISTED else "")
            notes.append(f"repeats {len(found)} problems of {name}, which this run does not evaluate; kept: {shown}")
    return notes


@lru_cache(maxsize=8)
def _indexed(loaded: LoadedTable) -> BenchmarkIndex:
    return BenchmarkIndex(loaded.rows)


def _refuse_unreadable(rows: Sequence[DataRow], *, graded: bool) -> None:
    if not graded:
        return
    found: dict[str, list[DataRow]] = {}
    for row in rows:
        why = "it is empty" if is_empty(row.answer) else find_answer_fault(row.answer) or explain_no_answer(row.answer)
        if why is not None:
            found.setdefault(why, []).append(row)
    if found:
        raise DataError(
            "\n".join(
                f"{places[0].place}: field 'answer' cannot be read: {why}{_elsewhere(places)}; correct the answer "
                "or remove the row: a scored problem needs an answer"
                for why, places in found.items()
            )
        )


def _elsewhere(places: Sequence[DataRow]) -> str:
    more = format_further_lines([row.place.rpartition(":")[2] for row in places[1:]])
    return more and f" ({more})"


def _repeated(rows: Sequence[DataRow], *, graded: bool) -> list[str]:
    """Return a note on problems that occur twice. Raises DataError where answers differ."""
    same_answer = is_same_gold if graded else str.__eq__
    first: dict[Statement, DataRow] = {}
    repeated, conflicting = list[tuple[DataRow, DataRow]](), list[tuple[DataRow, DataRow]]()
    for row in rows:
        other = first.setdefault(normalize_statement(row), row)
        if other is not row:
            (repeated if same_answer(other.answer, row.answer) else conflicting).append((row, other))
    if conflicting:
        row, other = conflicting[0]
        count = f" (one of {len(conflicting)} such pairs)" if len(conflicting) > 1 else ""
        raise DataError(
            f"{row.place}: the wording of line {other.place.rpartition(':')[2]} with another answer: "
            f"{row.answer[:40]!r} and {other.answer[:40]!r}{count}; keep one of them"
        )
    names = ", ".join(f"{row.row_id} (as {other.row_id})" for row, other in repeated[:_LISTED])
    return [f"{len(repeated)} problems appear twice and count twice: {names}"] if repeated else []
