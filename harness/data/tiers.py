"""The tiers that runs train on: built when first needed, and read afterwards.

tier("paper", "easy").problems
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from harness.common import results_folder, suggest
from harness.data import answers, cache as stored
from harness.data.benchmarks import shuffle_by_difficulty, shuffle_rows, sort_by_difficulty, take_rows
from harness.data.cache import Tier, describe_contents
from harness.data.card import (
    CARD_VERSION,
    CONTRADICTED,
    DEFAULT_SETTINGS,
    NO_ANSWER,
    UNREADABLE,
    Card,
    Removed,
    TierSettings,
    removals,
)
from harness.data.catalog import BENCHMARK_TABLES, TABLES, DataError, Problem
from harness.data.defects import BenchmarkIndex, explain_no_answer, find_contradictions
from harness.data.rows import DataRow
from harness.data.sources import LoadedTable, ProblemSource, compute_sha256, data_folder, load_table, table_file
from harness.data.wording import drawings, join_tokens, tokenize_statement

Order = Callable[[Sequence[DataRow], int, str], list[DataRow]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The table that a tier is sampled from, and the order of sampling; no order takes all."""

    table: str
    rule: str
    order: Order | None = None


RECIPES: Final[dict[str, Recipe]] = {
    "paper_easy": Recipe("simplerl_zoo_easy", "drawn at random", shuffle_rows),
    "paper_medium": Recipe("deepmath", "the easiest by difficulty, ties at random", sort_by_difficulty),
    "paper_hard": Recipe("deepmath", "drawn with probability proportional to difficulty", shuffle_by_difficulty),
    "simplerl_zoo_easy": Recipe("simplerl_zoo_easy", "all"),
    "simplerl_zoo_medium": Recipe("simplerl_zoo_medium", "all"),
    "simplerl_zoo_hard": Recipe("simplerl_zoo_hard", "all"),
}


@dataclass(frozen=True, slots=True)
class Clean:
    """A table without the problems that cannot be used for training."""

    rows: tuple[DataRow, ...]
    removed: tuple[Removed, ...]


def build_tier(name: str, settings: TierSettings) -> tuple[Tier, tuple[Removed, ...]]:
    """Build the tier of a recipe; return it with all removed problems.

    Raises DataError where a source cannot be read.
    """
    recipe = RECIPES[name]
    loaded = load_table(recipe.table)
    benchmarks = tuple(load_table(benchmark) for benchmark in BENCHMARK_TABLES)
    clean = _clean(loaded, benchmarks, settings.near, settings.covered)
    rows, guesses = _draw(name, clean.rows, loaded.source, settings)
    removed = (*clean.removed, *(Removed(row.row_id, "guessable") for row in guesses))
    problems = tuple(row.as_problem() for row in sorted(rows, key=lambda row: row.row_id))
    sources = (loaded.source, *(benchmark.source for benchmark in benchmarks))
    return Tier(problems, _card(name, problems, removed, sources, settings)), removed


def remove_defects(loaded: LoadedTable, held_out: tuple[LoadedTable, ...], *, graded: bool = True) -> Clean:
    """Remove from a user's problems those that a tier would not contain either, and list them.

    Args:
        loaded: The user's file.
        held_out: The benchmarks of the run. Problems that repeat one of theirs are removed.
        graded: True if the verifier must read the answers, False if a reward function does.

    Returns:
        The remaining rows and the removed ones.

    """
    return _clean(loaded, held_out, DEFAULT_SETTINGS.near, DEFAULT_SETTINGS.covered, graded=graded)


def _draw(
    name: str, rows: Sequence[DataRow], source: ProblemSource, settings: TierSettings
) -> tuple[list[DataRow], list[DataRow]]:
    order = RECIPES[name].order
    if order is None:
        return take_rows(shuffle_rows(rows, settings.seed, name), len(rows), settings.guessable)
    return take_rows(order(rows, settings.seed, name), _size(len(rows), source, settings), settings.guessable)


def _size(usable: int, source: ProblemSource, settings: TierSettings) -> int:
    """Return the size of a tier, given the number of usable rows of its source.

    It is ``settings.size`` for a complete source. For a part of a source it is the same share, but at least
    ``settings.part``.
    """
    if source.rows >= source.official:
        return settings.size
    share = max(settings.part, settings.size / source.official)
    return min(settings.size, math.ceil(share * usable))


@lru_cache(maxsize=8)
def _clean(
    loaded: LoadedTable, benchmarks: tuple[LoadedTable, ...], near: float, covered: float, *, graded: bool = True
) -> Clean:
    """Remove faulty, contradictory, repeated and contaminated rows.

    ``graded`` is True if the verifier must read the answers.
    """
    compared = _indexed(benchmarks)
    kept: list[DataRow] = []
    removed: list[Removed] = []
    first: dict[tuple[str, str], str] = {}  # wording and drawings -> the first problem that has them
    rows = sorted(loaded.rows, key=lambda row: row.row_id)
    words = {row.row_id: tokenize_statement(row.problem) for row in rows}
    statements = {row.row_id: (join_tokens(words[row.row_id]), drawings(row.problem)) for row in rows}
    faults = {row.row_id: _fault(row) if graded else None for row in rows}
    readable = (row for row in rows if graded and faults[row.row_id] is None)
    contradictions = find_contradictions(readable, lambda row: statements[row.row_id])
    for row in rows:
        fault = (
            faults[row.row_id]
            or _contradicted(row, contradictions)
            or _repeated(row, statements[row.row_id], first)
            or _contaminated(row, words[row.row_id], compared, near, covered)
        )
        if fault is None:
            kept.append(row)
        else:
            removed.append(fault)
    return Clean(tuple(kept), tuple(removed))


@lru_cache(maxsize=1)
def _indexed(benchmarks: tuple[LoadedTable, ...]) -> BenchmarkIndex:
    return BenchmarkIndex(row for benchmark in benchmarks for row in benchmark.rows)


def _fault(row: DataRow) -> Removed | None:
    if answers.is_empty(row.answer):
        return Removed(row.row_id, "no answer")
    fault = answers.find_answer_fault(row.answer)
    if fault is not None:
        return Removed(row.row_id, UNREADABLE, other=fault)
    nothing = explain_no_answer(row.answer)
    if nothing is not None:
        return Removed(row.row_id, NO_ANSWER, other=nothing)
    unrated = row.difficulty is not None and row.difficulty <= 0
    return Removed(row.row_id, "no difficulty") if unrated else None


def _contradicted(row: DataRow, contradictions: Mapping[str, str]) -> Removed | None:
    other = contradictions.get(row.row_id)
    return None if other is None else Removed(row.row_id, CONTRADICTED, other=other)


def _repeated(row: DataRow, statement: tuple[str, str], first: dict[tuple[str, str], str]) -> Removed | None:
    same = first.setdefault(statement, row.row_id)
    return None if same == row.row_id else Removed(row.row_id, "duplicate of", other=same)


def _contaminated(
    row: DataRow, words: tuple[str, ...], compared: BenchmarkIndex, near: float, covered: float
) -> Removed | None:
    overlap = compared.overlap(words, near, covered)
    return None if overlap is None else Removed(row.row_id, overlap.how, overlap.benchmark_id, overlap.similarity)


def _card(
    name: str,
    problems: Sequence[Problem],
    removed: Sequence[Removed],
    sources: tuple[ProblemSource, ...],
    settings: TierSettings,
) -> Card:
    return Card(
        headline=_headline(name, len(problems), sources[0]),
        name=name,
        rule=RECIPES[name].rule,
        sources=sources,
        **removals(removed),
        **describe_contents(problems),
        version=CARD_VERSION,
        settings=settings,
    )


def _headline(name: str, rows: int, source: ProblemSource) -> str:
    if source.rows < source.official:
        part = f"only {source.rows:,} of its {source.official:,} rows are here"
        return f"{name}: {rows:,} problems from a part of {source.title}: {part}"
    return f"{name}: {rows:,} problems from {source.title}"


TIERS: Final = ("easy", "medium", "hard")
SOURCES: Final = ("paper", "simplerl_zoo")


def load_tier(source: str, difficulty: str, settings: TierSettings | None = None) -> Tier:
    """Return a tier of `SOURCES` and `TIERS`; build it if it is missing or out of date.

    Args:
        source: One of ``SOURCES``.
        difficulty: One of ``TIERS``.
        settings: How it is sampled; None takes the settings of the tier on disk, or the defaults.

    Returns:
        The tier.

    Raises:
        DataError: The tier is unknown, or its files or sources cannot be used.

    """
    path = tier_path(source, difficulty)
    with stored.lock_tier(path):
        card = read_built_card(path)
        wanted = settings or (card.settings if card else None) or DEFAULT_SETTINGS
        if card is not None and card.settings == wanted and not is_stale(card):
            return stored.read_tier(path)
        found, removed = build_tier(path.stem, wanted)
        stored.write_tier(path, found, removed)
        return found


def load_custom_tier(path: Path | str) -> Tier:
    """Return a tier that `save_custom_tier` wrote. Raises DataError where it cannot be read."""
    return stored.read_tier(Path(path))


def save_custom_tier(path: Path, problems: Sequence[Problem], rule: str, parent: Card) -> Card:
    """Write a subset of a tier as a tier, such as problems of a certain solve rate.

    Args:
        path: The file of the rows.
        problems: The subset.
        rule: How the subset was chosen, for the card.
        parent: The card of the tier that they come from.

    Returns:
        The card of the new tier.

    Raises:
        DataError: The files cannot be written.

    """
    card = replace(
        parent,
        headline=f"{path.stem}: {len(problems):,} of the {parent.rows:,} problems of {parent.name}: {rule}",
        name=path.stem,
        rule=f"{parent.rule}; then {rule}",
        **stored.describe_contents(problems),
    )
    stored.write_tier(path, Tier(tuple(problems), card))
    return card


def tier_path(source: str, difficulty: str) -> Path:
    """Return the path of a tier's rows: ``results/tiers/paper_easy.jsonl``.

    Raises DataError for an unknown tier.
    """
    for name, known in ((source, SOURCES), (difficulty, TIERS)):
        if name not in known:
            raise DataError(f"no tier {source} {difficulty}; {suggest(name, known)}")
    return results_folder() / "tiers" / f"{source}_{difficulty}.jsonl"


def read_built_card(path: Path) -> Card | None:
    """Return the card of the tier at ``path``; None without a complete and readable tier."""
    if not (path.is_file() and stored.card_path(path).is_file()):
        return None
    try:
        return stored.read_card(path)
    except DataError:
        return None


def is_stale(card: Card) -> bool:
    """Return whether other rules built the tier, or DATA_DIR now holds other files.

    Without DATA_DIR the tier is not stale for other files.
    """
    recipe = RECIPES.get(card.name)
    if recipe is None or (card.rule, card.version) != (recipe.rule, CARD_VERSION):
        return True
    folder = data_folder()
    if folder is None:
        return False
    tables = [TABLES[recipe.table], *BENCHMARK_TABLES.values()]
    files = [table_file(folder, table) for table in tables]
    return [(source.name, source.sha256) for source in card.sources] != [
        (file, compute_sha256(folder, file)) for file in files
    ]
