"""The benchmarks of the paper and GSM8K, and seeded draws from tables."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Final

from harness.common.schema import suggest
from harness.data.answers import fault, is_empty, is_guessable
from harness.data.catalog import BENCHMARK_TABLES, DataError, Problem
from harness.data.sources import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.data.rows import DataRow


def uniform(seed: int, purpose: str, row_id: str) -> float:
    """A number in (0, 1) that a seed, a purpose and an id decide."""
    digest = hashlib.blake2b(f"{seed}:{purpose}:{row_id}".encode(), digest_size=6).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**48


def shuffled(rows: Sequence[DataRow], seed: int, purpose: str) -> list[DataRow]:
    """A uniform random order."""
    return sorted(rows, key=lambda row: (uniform(seed, purpose, row.row_id), row.row_id))


def easiest_first(rows: Sequence[DataRow], seed: int, purpose: str) -> list[DataRow]:
    """By difficulty; equally difficult ones in random order."""
    return sorted(rows, key=lambda row: (_difficulty(row), uniform(seed, purpose, row.row_id), row.row_id))


def by_difficulty(rows: Sequence[DataRow], seed: int, purpose: str) -> list[DataRow]:
    """A random order in which each place falls to a row with probability proportional to its difficulty.

    An exponential race: row i arrives at -ln(u_i) / difficulty_i, and the first to arrive are drawn
    without replacement (Efraimidis and Spirakis, 2006).
    """
    return sorted(rows, key=lambda row: (-math.log(uniform(seed, purpose, row.row_id)) / _difficulty(row), row.row_id))


def take(ordered: Sequence[DataRow], size: int, guessable: float) -> tuple[list[DataRow], list[DataRow]]:
    """The first ``size`` rows, at most a share of ``guessable`` of which can be guessed, and those passed over."""
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
    """How many guessable rows a tier may have: a share of its size, or of what the others leave it with."""
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


def benchmark(name: str, aime25: int = 30, olympiadbench: int = 675, limit: int | None = None) -> tuple[Problem, ...]:
    """The problems of a benchmark in file order. Raises DataError.

    ``aime25=15`` takes the first fifteen, AIME 2025 I; ``olympiadbench=170`` a fixed draw, as which 170 the paper
    had is not known; ``limit`` a fixed draw of at most so many. The draws depend on the ids alone.
    """
    if name not in BENCHMARK_TABLES:
        raise DataError(f"there is no benchmark {name}: {suggest(name, BENCHMARKS)}")
    rows: Sequence[DataRow] = load(name).rows
    if name == "aime25":
        rows = rows[: _size(name, aime25)]
    if name == "olympiadbench":
        rows = _drawn(rows, _size(name, olympiadbench), name)
    if limit is not None:
        rows = _drawn(rows, limit, f"{name} limit")
    return tuple(_problem(row) for row in rows)


def drawn_problems(problems: Sequence[Problem], limit: int | None, name: str) -> tuple[Problem, ...]:
    """Draw problems by their ids alone, so that a larger draw holds every smaller one.

    Args:
        problems: Those to draw from.
        limit: How many to draw at most; None draws all.
        name: Of the benchmark, from which the draw is seeded.

    Returns:
        The drawn problems, in their order.

    """
    if limit is None:
        return tuple(problems)
    order = sorted(problems, key=lambda one: (uniform(_SEED, f"{name} limit", one.problem_id), one.problem_id))
    chosen = {one.problem_id for one in order[:limit]}
    return tuple(one for one in problems if one.problem_id in chosen)


def expected(name: str, aime25: int = 30, olympiadbench: int = 675, limit: int | None = None) -> int:
    """How many problems ``benchmark`` gives where its file is whole."""
    size = {"aime25": aime25, "olympiadbench": olympiadbench}.get(name, BENCHMARK_TABLES[name].rows)
    return size if limit is None else min(size, limit)


def _size(name: str, asked: int) -> int:
    if asked not in _SIZES[name]:
        raise DataError(f"{name}={asked}: it comes with {' or '.join(map(str, _SIZES[name]))} problems")
    return asked


def _drawn(rows: Sequence[DataRow], size: int, purpose: str) -> list[DataRow]:
    if size < 1:
        raise DataError(f"{purpose}={size}: ask for at least one problem")
    chosen = {row.row_id for row in shuffled(rows, _SEED, purpose)[:size]}
    return [row for row in rows if row.row_id in chosen]


def _problem(row: DataRow) -> Problem:
    why = "it is empty" if is_empty(row.answer) else fault(row.answer)
    if why is not None:
        raise DataError(f"{row.place}: field 'answer' cannot be read: {why}; mend the answer in the file")
    return Problem(row.row_id, row.problem, row.answer, verifier="math", tolerance=row.tolerance)
