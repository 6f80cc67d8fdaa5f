"""``make data``: build the tiers and print their cards.

``python -m harness.data [guessable=0.05] [near=0.7] ...``: `harness.data.settings` lists the settings.
"""

from __future__ import annotations

import json
import sys
from itertools import product
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track

from harness.data.errors import DataError
from harness.data.settings import Settings
from harness.data.tiers import SOURCES, TIERS, built_card, is_stale, tier, tier_path
from harness.schema import SchemaError, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def main(arguments: Sequence[str]) -> int:
    """Exit code 2 for a wrong setting or data that cannot be used, 130 for Ctrl-C."""
    try:
        settings = _settings(arguments)
        shown = [_build(*name, settings) for name in _tracked(list(product(SOURCES, TIERS)))]
    except (DataError, SchemaError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command builds what is missing", file=sys.stderr)
        return 130
    print("\n".join(shown))
    return 0


def _tracked(names: list[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    console = Console(stderr=True)
    return track(names, "building tiers", console=console, transient=True, disable=not console.is_terminal)


def _settings(arguments: Sequence[str]) -> Settings:
    given: dict[str, Any] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals:
            raise SchemaError(f"{argument}: write name=value, such as guessable=0.05")
        given[name] = _value(value)
    return read(Settings, given)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _build(source: str, difficulty: str, settings: Settings) -> str:
    """What to print of a tier: its card where it was built, a line where it is up to date."""
    path = tier_path(source, difficulty)
    before = built_card(path)
    current = before is not None and before.settings == settings and not is_stale(before)
    card = tier(source, difficulty, settings).card
    return f"{card.headline}\n- up to date: {path}, card {path.with_suffix('.md')}\n" if current else card.text()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
