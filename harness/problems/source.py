"""The problems of a run, before a tokenizer has seen them: what it trains on, and what is held out."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from harness.config import ARITHMETIC
from harness.data.benchmarks import benchmark
from harness.data.stored import Tier
from harness.data.tiers import custom_tier, tier
from harness.problems.arithmetic import DIFFICULTIES, Difficulty, evaluation_set
from harness.problems.problem import Problem
from harness.records import DATA
from harness.schema import SchemaError
from harness.seeding import derive

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.config import DataConfig, EvalConfig, ExperimentConfig

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Material:
    """What a run reads before it starts."""

    tiers: Mapping[str, Tier]  # "paper/easy" -> its problems and card; none where arithmetic is trained on
    held_out: Mapping[str, tuple[Problem, ...]]  # benchmark -> its problems

    def provenance(self) -> dict[str, str]:
        """SHA-256 of the rows of each tier."""
        return {f"{DATA}{name}": found.card.sha256 for name, found in self.tiers.items()}

    def cards(self) -> str:
        """The cards of the tiers, for people; empty for arithmetic."""
        return "\n\n".join(found.card.text() for found in self.tiers.values())


def material(config: ExperimentConfig) -> Material:
    """Read all of it. Raises DataError where a tier or a benchmark cannot be read, SchemaError for a wrong setting."""
    return Material(tiers(config.data), held_out(config))


def tiers(data: DataConfig) -> dict[str, Tier]:
    """The tiers to train on by their names; none for arithmetic. Raises DataError."""
    if data.source == ARITHMETIC:
        return {}
    if data.source == "file":
        assert data.path is not None  # checked by harness.config.load
        return {data.path: custom_tier(data.path)}
    return {f"{data.source}/{difficulty}": tier(data.source, difficulty) for difficulty in data.difficulties}


def held_out(config: ExperimentConfig) -> dict[str, tuple[Problem, ...]]:
    """The problems of every benchmark that the config names."""
    return {name: _held_out(name, config) for name in config.eval.benchmarks}


def epochs(pools: Sequence[Sequence[T]], seed: int, *, backwards: bool = False) -> Iterator[T]:
    """Items without end, from a pool chosen evenly; each pool in a new order every epoch, without repetition.

    ``backwards`` takes each epoch from its end: both ways meet only when half of a pool is used.
    """
    rng = random.Random(derive(seed, "turns", int(backwards)))
    sources = [_epochs(pool, derive(seed, "order", place), backwards) for place, pool in enumerate(pools)]
    while True:
        yield next(rng.choice(sources))


def _epochs(pool: Sequence[T], seed: int, backwards: bool) -> Iterator[T]:
    for epoch in count():
        order = list(pool)
        random.Random(derive(seed, epoch)).shuffle(order)
        yield from reversed(order) if backwards else order


def _held_out(name: str, config: ExperimentConfig) -> tuple[Problem, ...]:
    settings = config.eval
    if name == ARITHMETIC:
        difficulties = config.data.difficulties or DIFFICULTIES  # a file has none of its own
        return tuple(problem for one in difficulties for problem in _arithmetic(one, settings))
    return benchmark(name, settings.aime25, settings.olympiadbench, limit=settings.problems)


def _arithmetic(difficulty: Difficulty, settings: EvalConfig) -> tuple[Problem, ...]:
    assert settings.problems is not None  # checked by harness.config.load
    try:
        return evaluation_set(difficulty, settings.problems)
    except ValueError as error:
        raise SchemaError(f"eval.problems: {error}; ask for fewer") from None
