"""Problems of a run before tokenization: training problems and held-out ones."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from harness.common import SchemaError, derive_seed
from harness.config import ARITHMETIC
from harness.data import (
    DIFFICULTIES,
    FILE_SOURCE,
    Card,
    DataRow,
    Difficulty,
    LoadedTable,
    OwnFile,
    Problem,
    ProblemSource,
    Tier,
    build_evaluation_set,
    build_own_tier,
    is_tier,
    load_benchmark,
    load_custom_tier,
    load_table,
    load_tier,
    read_held_out_problems,
    read_own_table,
    sample_problems,
)
from harness.records import DATA_PREFIX
from harness.rewards import RewardError, find_judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.config import EvalConfig, ExperimentConfig

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunProblems:
    """The problems that a run reads before it starts."""

    tiers: Mapping[str, Tier]  # "paper/easy" -> its problems and card; empty for arithmetic
    held_out: Mapping[str, tuple[Problem, ...]]  # benchmark -> its problems
    files: Mapping[str, Card] = field(default_factory=dict)  # benchmark in a user's file -> its card

    def described(self) -> dict[str, Card]:
        """Return the cards by name: those of the tiers, then those of the user's benchmark files."""
        tiers = {name: found.card for name, found in self.tiers.items()}
        return tiers | {f"held out {name}": card for name, card in self.files.items()}

    def provenance(self) -> dict[str, str]:
        """Return the SHA-256 of the rows of each tier and of each benchmark file of the user."""
        return {f"{DATA_PREFIX}{name}": card.sha256 for name, card in self.described().items()}

    def cards(self) -> str:
        """Return the cards as text; empty for arithmetic."""
        return "\n\n".join(card.text() for card in self.described().values())


def read_run_problems(config: ExperimentConfig) -> RunProblems:
    """Read all problems of a run.

    Raises DataError for a tier or benchmark that cannot be read, SchemaError for a wrong setting and RewardError for a
    broken reward function.
    """
    files = {
        name: read_held_out_problems(file, name, graded=_graded(config)) for name, file in config.eval.files.items()
    }
    found = RunProblems(read_tiers(config), read_held_out(config), {name: card for name, (_, card) in files.items()})
    refuse_broken_reward(config, found.held_out)
    return found


def refuse_broken_reward(config: ExperimentConfig, problems: Mapping[str, tuple[Problem, ...]]) -> None:
    """Call the reward function once, if there is one, with a problem's answer as the response.

    Raises RewardError for a function that cannot be imported or that fails in this call.
    """
    function = config.reward.judge()
    asked = next((found[0] for found in problems.values() if found), None)
    if function is None or asked is None:
        return
    (verdict,) = find_judge(function).verify([(asked, asked.answer)])
    if verdict.undecided:
        raise RewardError(
            f"reward.function={function.located.target}: {verdict.reason} on the first problem, {asked.problem_id!r}, "
            f"with its answer as the response; raise reward.seconds or reward.memory_mb, or correct the function: "
            f"python -m harness.rewards check {function.located.target}"
        )


def read_tiers(config: ExperimentConfig) -> dict[str, Tier]:
    """Return the tiers to train on, by name; empty for arithmetic. Raises DataError."""
    data = config.data
    if data.source == ARITHMETIC:
        return {}
    if data.source == FILE_SOURCE:
        assert data.path is not None  # checked by harness.config.experiment.load_config
        path, file = Path(data.path), OwnFile(data.path, data.sha256)
        if is_tier(path):
            return {data.path: load_custom_tier(path)}
        return {path.name: build_own_tier(file, _scored_on(config), graded=_graded(config))}
    return {f"{data.source}/{difficulty}": load_tier(data.source, difficulty) for difficulty in data.difficulties}


def read_held_out(config: ExperimentConfig) -> dict[str, tuple[Problem, ...]]:
    """Return the problems of every benchmark in the config."""
    return {name: _held_out(name, config) for name in config.eval.benchmarks}


def _graded(config: ExperimentConfig) -> bool:
    """Return whether the verifier must be able to read the answers."""
    return config.reward.function is None


def _scored_on(config: ExperimentConfig) -> tuple[LoadedTable, ...]:
    """Return the whole benchmarks of the run, independently of ``eval.problems``."""
    return tuple(_whole(name, config) for name in config.eval.benchmarks)


def _whole(name: str, config: ExperimentConfig) -> LoadedTable:
    file = config.eval.files.get(name)
    if file is not None:
        return read_own_table(file).loaded
    if name != ARITHMETIC:
        return load_table(name)
    rows = tuple(DataRow(problem.problem_id, problem.prompt, problem.answer) for problem in _held_out(name, config))
    digest = hashlib.sha256(json.dumps([(row.row_id, row.problem) for row in rows]).encode()).hexdigest()
    return LoadedTable(ProblemSource(name, "our own arithmetic", len(rows), len(rows), digest, known=True), rows)


def epochs(pools: Sequence[Sequence[T]], seed: int, *, backwards: bool = False) -> Iterator[T]:
    """Yield items endlessly, each from a pool that is chosen with equal probability.

    Each pool is shuffled every epoch and used without repetition.

    Args:
        pools: The pools of items.
        seed: Seed of the choice and of the order.
        backwards: Whether epochs are read from the end. Both directions meet when half of a pool is used.

    Yields:
        The items.

    """
    rng = random.Random(derive_seed(seed, "turns", int(backwards)))
    sources = [_epochs(pool, derive_seed(seed, "order", place), backwards) for place, pool in enumerate(pools)]
    while True:
        yield next(rng.choice(sources))


def _epochs(pool: Sequence[T], seed: int, backwards: bool) -> Iterator[T]:
    for epoch in count():
        order = list(pool)
        random.Random(derive_seed(seed, epoch)).shuffle(order)
        yield from reversed(order) if backwards else order


def _held_out(name: str, config: ExperimentConfig) -> tuple[Problem, ...]:
    settings = config.eval
    if name == ARITHMETIC:
        difficulties = config.data.difficulties or DIFFICULTIES  # a file has no difficulties
        return tuple(problem for one in difficulties for problem in _arithmetic(one, settings))
    if name in settings.files:
        problems, _ = read_held_out_problems(settings.files[name], name, graded=_graded(config))
        return sample_problems(problems, settings.problems, name)
    return load_benchmark(name, settings.aime25, settings.olympiadbench, limit=settings.problems)


def _arithmetic(difficulty: Difficulty, settings: EvalConfig) -> tuple[Problem, ...]:
    assert settings.problems is not None  # checked by harness.config.experiment.load_config
    try:
        return build_evaluation_set(difficulty, settings.problems)
    except ValueError as error:
        raise SchemaError(f"eval.problems: {error}; ask for fewer") from None
