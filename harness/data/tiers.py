"""The tiers that runs train on: built when first needed, read afterwards.

``tier("paper", "easy").problems``
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.common.results import results_folder
from harness.common.schema import suggest
from harness.data import cache as stored
from harness.data.build import RECIPES, build
from harness.data.cache import Tier
from harness.data.card import DEFAULTS, VERSION, Settings
from harness.data.catalog import BENCHMARK_TABLES, TABLES, DataError
from harness.data.sources import data_folder, digest, table_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.data.card import Card
    from harness.data.catalog import Problem

TIERS: Final = ("easy", "medium", "hard")
SOURCES: Final = ("paper", "simplerl_zoo")


def tier(source: str, difficulty: str, settings: Settings | None = None) -> Tier:
    """A tier of `SOURCES` and `TIERS`: read where it is up to date, else built.

    Without ``settings`` those of the tier on disk stand, or the defaults. Raises DataError.
    """
    path = tier_path(source, difficulty)
    with stored.locked(path):
        card = built_card(path)
        asked = settings or (card.settings if card else None) or DEFAULTS
        if card is not None and card.settings == asked and not is_stale(card):
            return stored.read(path)
        found, removed = build(path.stem, asked)
        stored.write(path, found, removed)
        return found


def custom_tier(path: Path | str) -> Tier:
    """A tier that `save_custom_tier` wrote."""
    return stored.read(Path(path))


def save_custom_tier(path: Path, problems: Sequence[Problem], rule: str, parent: Card) -> Card:
    """Write problems of a tier as one of its own, such as those that a model solves at a certain rate."""
    card = replace(
        parent,
        headline=f"{path.stem}: {len(problems):,} of the {parent.rows:,} problems of {parent.name}: {rule}",
        name=path.stem,
        rule=f"{parent.rule}; then {rule}",
        **stored.contents(problems),
    )
    stored.write(path, Tier(tuple(problems), card))
    return card


def tier_path(source: str, difficulty: str) -> Path:
    """Where the rows of a tier lie: ``results/tiers/paper_easy.jsonl``."""
    for name, known in ((source, SOURCES), (difficulty, TIERS)):
        if name not in known:
            raise DataError(f"there is no tier {source} {difficulty}: {suggest(name, known)}")
    return results_folder() / "tiers" / f"{source}_{difficulty}.jsonl"


def built_card(path: Path) -> Card | None:
    """The card of the tier at ``path``; None where no tier was finished there, or by a version with other cards."""
    if not (path.is_file() and stored.card_path(path).is_file()):
        return None
    try:
        return stored.read_card(path)
    except DataError:
        return None


def is_stale(card: Card) -> bool:
    """Whether other rules made the tier, or DATA_DIR holds other files. Without DATA_DIR the tier stands."""
    recipe = RECIPES.get(card.name)
    if recipe is None or (card.rule, card.version) != (recipe.rule, VERSION):
        return True
    folder = data_folder()
    if folder is None:
        return False
    tables = [TABLES[recipe.table], *BENCHMARK_TABLES.values()]
    files = [table_file(folder, table) for table in tables]
    return [(source.name, source.sha256) for source in card.sources] != [(file, digest(folder, file)) for file in files]
