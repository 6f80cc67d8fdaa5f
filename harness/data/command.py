"""Build the tiers and show their cards, or show the cards of a user's files."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import track

from harness.data.files import benchmark_name, read_own_file
from harness.data.own import build_own_tier, read_held_out_problems, read_own_table
from harness.data.tiers import SOURCES, TIERS, is_stale, load_tier, read_built_card, tier_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.data.card import TierSettings
    from harness.data.sources import LoadedTable


def build_tiers(settings: TierSettings) -> list[str]:
    """Build every tier that is missing or stale; return the text to print for each."""
    return [_build(*name, settings) for name in _tracked(list(product(SOURCES, TIERS)))]


def describe_own_files(file: str | None, held_out: str | None) -> str:
    """Return the cards of a user's files, as in a run that trains on one and evaluates on one."""
    cards: list[str] = []
    loaded: tuple[LoadedTable, ...] = ()
    if held_out is not None:
        source, name = read_own_file(held_out), benchmark_name(held_out)
        _, card = read_held_out_problems(source, name)
        cards, loaded = [card.text()], (read_own_table(source).loaded,)
    if file is not None:
        cards.insert(0, build_own_tier(read_own_file(file), loaded).card.text())
    return "\n".join(cards)


def _tracked(names: list[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    console = Console(stderr=True)
    return track(names, "building tiers", console=console, transient=True, disable=not console.is_terminal)


def _build(source: str, difficulty: str, settings: TierSettings) -> str:
    """Return the text to print for a tier: its card if it was built, else one line."""
    path = tier_path(source, difficulty)
    before = read_built_card(path)
    current = before is not None and before.settings == settings and not is_stale(before)
    card = load_tier(source, difficulty, settings).card
    return f"{card.headline}\n- up to date: {path}, card {path.with_suffix('.md')}\n" if current else card.text()
