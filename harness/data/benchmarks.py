"""The benchmarks of the paper and GSM8K, and seeded samples from tables."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Final

from harness.common import suggest
from harness.data.answers import find_answer_fault, is_empty, is_guessable
from harness.data.catalog import BENCHMARK_TABLES, DataError, Problem
from harness.data.sources import load_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.data.rows import DataRow


def derive_uniform(seed: int, purpose: str, row_id: str) -> float:
    """Return a number in (0, 1) that depends only on the arguments.

    Args:
        seed: The seed of the sample.
        purpose: What the sample is for.
        row_id: The id of a row.

    Returns:
        The number, the same on every machine.

    """
    digest = hashlib.blake2b(f"{seed}:{purpose}:{row_id}".encode(), digest_size=6).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**48


def shuffle_rows(rows: Sequence[DataRow], seed: int, purpose: str) -> list[DataRow]:
    """Return the rows in uniform random order.

    Args:
        rows: Rows with unique ids.
        seed: The seed of the order.
        purpose: What the order is for; another purpose gives another order.

    Returns:
        All rows.

    """
    return sorted(rows, key=lambda row: (derive_uniform(seed, purpose, row.row_id), row.row_id))


def sort_by_difficulty(rows: Sequence[DataRow], seed: int, purpose: str) -> list[DataRow]:
    """Return the rows by increasing difficulty; ties are in random order.

    Args:
        rows: Rows with unique ids and difficulties.
        seed: The seed of the order.
        purpose: What the order is for; another purpose gives another order.

    Returns:
        All rows.

    Raises:
        ValueError: A row has no difficulty.

    """
    return sorted(rows, key=lambda row: (_difficulty(row), derive_uniform(seed, purpose, row.row_id), row.row_id))


def shuffle_by_difficulty(rows: Sequence[DataRow], seed: int, purpose: str) -> list[DataRow]:
    """Return the rows in a random order that is weighted by difficulty.

    Each position goes to a remaining row with probability proportional to its difficulty. This is an exponential race:
    row i arrives at -ln(u_i) / difficulty_i, and rows are taken in order of arrival without replacement (Efraimidis and
    Spirakis, 2006).

    Args:
        rows: Rows with unique ids and difficulties.
        seed: The seed of the order.
        purpose: What the order is for; another purpose gives another order.

    Returns:
        All rows.

    Raises:
        ValueError: A row has no difficulty.

    """
    return sorted(
        rows, key=lambda row: (-math.log(derive_uniform(seed, purpose, row.row_id)) / _difficulty(row), row.row_id)
    )


def take_rows(ordered: Sequence[DataRow], size: int, guessable: float) -> tuple[list[DataRow], list[DataRow]]:
    """Take rows in order, with a limited share of guessable answers.

    Args:
        ordered: The rows to take from.
        size: Maximum number of rows to take.
        guessable: Maximum share of guessable answers, from 0 to 1.

    Returns:
        The rows taken, and the guessable rows skipped on the way.

    """
    guesses = {row.row_id for row in ordered if is_guessable(row.answer)}
    allowed = _allowed(min(size, len(ordered)), len(ordered) - len(guesses), guessable)
    taken: list[DataRow] = []
    passed: list[DataRow] = []
    for row in ordered:
        if len(taken) == size:
            break
        is_guess = row.row_id in guesses
        (taken if not is_guess or allowed > 0 else passed).append(row)
        allowed -= is_guess
    return taken, passed


def _allowed(size: int, others: int, share: float) -> int:
    """Return the maximum number of guessable rows in a tier.

    It is a share of the tier's size, or less where there are too few other rows.
    """
    if share >= 1:
        return size
    return math.floor(min(share * size, others * share / (1 - share)) + 1e-9)


def _difficulty(row: DataRow) -> float:
    if row.difficulty is None:
        raise ValueError(f"{row.row_id} has no difficulty")
    return row.difficulty


BENCHMARKS: Final = ("math500", "olympiadbench", "minerva", "aime24", "aime25", "amc23", "gsm8k")

_SEED: Final = 42
_SIZES: Final = {"aime25": (15, 30), "olympiadbench": (170, 675)}


def load_benchmark(
    name: str, aime25: int = 30, olympiadbench: int = 675, limit: int | None = None
) -> tuple[Problem, ...]:
    """Return the problems of a benchmark in the order of its file.

    The samples depend only on the ids of the problems.

    Args:
        name: One of ``BENCHMARKS``.
        aime25: 15 takes AIME 2025 I only; 30 takes both parts.
        olympiadbench: 170 takes a fixed sample; 675 takes all. The 170 problems of the paper are not known.
        limit: Maximum number of problems, as a fixed sample; None takes all.

    Returns:
        The problems.

    Raises:
        DataError: The name or a size is unknown, or the file or an answer cannot be read.

    """
    if name not in BENCHMARK_TABLES:
        raise DataError(f"no benchmark {name}; {suggest(name, BENCHMARKS)}")
    rows: Sequence[DataRow] = load_table(name).rows
    if name == "aime25":
        rows = rows[: _size(name, aime25)]
    if name == "olympiadbench":
        rows = _drawn(rows, _size(name, olympiadbench), name)
    if limit is not None:
        rows = _drawn(rows, limit, f"{name} limit")
    return tuple(_problem(row) for row in rows)


def sample_problems(problems: Sequence[Problem], limit: int | None, name: str) -> tuple[Problem, ...]:
    """Sample problems by their ids, so that a larger sample contains every smaller one.

    Args:
        problems: The problems to sample from.
        limit: Maximum size of the sample; None takes all.
        name: The benchmark, which seeds the sample.

    Returns:
        The sampled problems, in their order.

    """
    if limit is None:
        return tuple(problems)
    order = sorted(problems, key=lambda one: (derive_uniform(_SEED, f"{name} limit", one.problem_id), one.problem_id))
    chosen = {one.problem_id for one in order[:limit]}
    return tuple(one for one in problems if one.problem_id in chosen)


def count_expected_problems(name: str, aime25: int = 30, olympiadbench: int = 675, limit: int | None = None) -> int:
    """Return the number of problems that ``load_benchmark`` gives if its file is complete.

    Args:
        name: One of ``BENCHMARKS``.
        aime25: As in ``load_benchmark``.
        olympiadbench: As in ``load_benchmark``.
        limit: As in ``load_benchmark``.

    Returns:
        The number of problems.

    """
    size = {"aime25": aime25, "olympiadbench": olympiadbench}.get(name, BENCHMARK_TABLES[name].rows)
    return size if limit is None else min(size, limit)


def _size(name: str, size: int) -> int:
    if size not in _SIZES[name]:
        raise DataError(f"{name}={size}: it has {' or '.join(map(str, _SIZES[name]))} problems")
    return size


def _drawn(rows: Sequence[DataRow], size: int, purpose: str) -> list[DataRow]:
    if size < 1:
        raise DataError(f"{purpose}={size}: ask for at least one problem")
    chosen = {row.row_id for row in shuffle_rows(rows, _SEED, purpose)[:size]}
    return [row for row in rows if row.row_id in chosen]


def _problem(row: DataRow) -> Problem:
    why = "it is empty" if is_empty(row.answer) else find_answer_fault(row.answer)
    if why is not None:
        raise DataError(f"{row.place}: field 'answer' cannot be read: {why}; correct the answer in the file")
    return row.as_problem()
