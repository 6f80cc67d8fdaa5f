"""The benchmarks that the paper reports, and GSM8K; nothing of them is ever trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.data.answers import fault, is_empty
from harness.data.catalog import BENCHMARK_TABLES
from harness.data.draw import shuffled, uniform
from harness.data.errors import DataError
from harness.data.sources import load
from harness.problems.problem import Problem
from harness.schema import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.data.rows import Row

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
    rows: Sequence[Row] = load(name).rows
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


def _drawn(rows: Sequence[Row], size: int, purpose: str) -> list[Row]:
    if size < 1:
        raise DataError(f"{purpose}={size}: ask for at least one problem")
    chosen = {row.row_id for row in shuffled(rows, _SEED, purpose)[:size]}
    return [row for row in rows if row.row_id in chosen]


def _problem(row: Row) -> Problem:
    why = "it is empty" if is_empty(row.answer) else fault(row.answer)
    if why is not None:
        raise DataError(f"{row.place}: field 'answer' cannot be read: {why}; mend the answer in the file")
    return Problem(row.row_id, row.problem, row.answer, verifier="math", tolerance=row.tolerance)
