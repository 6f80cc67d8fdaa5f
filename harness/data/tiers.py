"""The tiers that runs train on. A tier is built when first needed and read afterwards.

tier("paper", "easy").problems
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.common.results import results_folder
from harness.common.schema import suggest
from harness.data import cache as stored
from harness.data.build import RECIPES, build_tier
from harness.data.cache import Tier
from harness.data.card import CARD_VERSION, DEFAULT_SETTINGS, TierSettings
from harness.data.catalog import BENCHMARK_TABLES, TABLES, DataError
from harness.data.sources import compute_sha256, data_folder, table_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.data.card import Card
    from harness.data.catalog import Problem

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
