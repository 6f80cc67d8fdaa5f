"""The problems whose difficulty is measured: a fixed draw of a tier, of a file, or of our arithmetic."""

from __future__ import annotations

import hashlib
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.data.card import Card, answer_kinds, length_percentiles
from harness.data.files import own_file
from harness.data.own import is_tier, training
from harness.data.stored import Tier, encode
from harness.data.tiers import SOURCES, TIERS, custom_tier, tier
from harness.problems.arithmetic import DIFFICULTIES, stream
from harness.schema import SchemaError, suggest
from harness.seeding import derive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.problems.problem import Problem

_ARITHMETIC: Final = {f"arithmetic_{difficulty}": difficulty for difficulty in DIFFICULTIES}
_BUILT: Final = {f"{source}_{difficulty}": (source, difficulty) for source in SOURCES for difficulty in TIERS}


def pool(name: str, size: int | None, *, graded: bool = True) -> Tier:
    """Read problems to measure the difficulty of.

    Args:
        name: Of a tier, or the path of a file of problems.
        size: How many to draw at most; None takes all.
        graded: Whether the verifier has to read the answers of one's own file.

    Returns:
        The problems in the order of the tier, with the tier's card.

    Raises:
        SchemaError: There is no such tier.
        DataError: The tier or file cannot be read.

    """
    if name in _ARITHMETIC:
        return _arithmetic(name, size)
    if name not in _BUILT and not name.endswith(".jsonl"):
        raise SchemaError(f"tier={name}: no such tier; {suggest(name, (*_BUILT, *_ARITHMETIC))}")
    whole = tier(*_BUILT[name]) if name in _BUILT else _of_file(name, graded=graded)
    return Tier(tuple(_drawn(whole.problems, size)), whole.card)


def _of_file(name: str, *, graded: bool) -> Tier:
    """A tier that was cut, or one's own problems."""
    is_own = Path(name).is_file() and not is_tier(Path(name))
    return training(own_file(name), graded=graded) if is_own else custom_tier(Path(name))


def _drawn(problems: tuple[Problem, ...], size: int | None) -> Iterator[Problem]:
    """The draw depends on the ids alone, and a larger one holds every smaller one."""
    order = sorted(problems, key=lambda problem: derive(0, "difficulty", problem.problem_id))
    chosen = {problem.problem_id for problem in order[:size]}
    return (problem for problem in problems if problem.problem_id in chosen)


def _arithmetic(name: str, size: int | None) -> Tier:
    if size is None:
        raise SchemaError("problems=all: arithmetic has no end; give a number")
    problems = tuple(islice(_distinct(stream((_ARITHMETIC[name],), derive(0, "difficulty", name))), size))
    card = Card(
        headline=f"{name}: {size:,} problems of our own arithmetic",
        name=name,
        rule="drawn by harness.problems.arithmetic, without repetition",
        rows=size,
        sha256=hashlib.sha256(encode(problems)).hexdigest(),
        sources=(),
        removed={},
        contaminated=(),
        unreadable=(),
        unknown=(),
        answers=answer_kinds(problems),
        characters=length_percentiles([len(problem.prompt) for problem in problems]),
        words=length_percentiles([len(problem.prompt.split()) for problem in problems]),
    )
    return Tier(problems, card)


def _distinct(problems: Iterable[Problem]) -> Iterator[Problem]:
    seen: set[str] = set()
    for problem in problems:
        if problem.problem_id not in seen:
            seen.add(problem.problem_id)
            yield problem
