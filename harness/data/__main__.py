"""``make data``: build the tiers and print their cards.

``python -m harness.data [guessable=0.05] [near=0.7] ...``: `harness.data.settings` lists the settings.
``python -m harness.data file=mine.jsonl [heldout=heldout.jsonl]``: the cards of one's own files, and nothing is built.
"""

from __future__ import annotations

import json
import os
import sys
from itertools import product
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track

from harness.data.errors import DataError
from harness.data.files import benchmark_name, own_file
from harness.data.own import held_out_problems, own_table, training
from harness.data.settings import Settings
from harness.data.sources import Loaded
from harness.data.tiers import SOURCES, TIERS, built_card, is_stale, tier, tier_path
from harness.schema import SchemaError, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def main(arguments: Sequence[str]) -> int:
    """Exit code 2 for a wrong setting or data that cannot be used, 130 for Ctrl-C."""
    try:
        print("\n".join(_shown(arguments)))
        sys.stdout.flush()
    except (DataError, SchemaError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command builds what is missing", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _shown(arguments: Sequence[str]) -> list[str]:
    """Return what to print: the cards of one's own files, or of the tiers."""
    if any(argument.startswith(("file=", "heldout=")) for argument in arguments):
        return [_own(arguments)]
    settings = _settings(arguments)
    return [_build(*name, settings) for name in _tracked(list(product(SOURCES, TIERS)))]


def _own(arguments: Sequence[str]) -> str:
    """Return the cards of one's own files, as a run that trains on one and is scored on the other has them."""
    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    if len(given) < len(arguments) or given.keys() - {"file", "heldout"} or not all(given.values()):
        raise SchemaError("write file=mine.jsonl, heldout=heldout.jsonl or both: no setting of tiers goes with them")
    cards, held_out = list[str](), tuple[Loaded, ...]()
    if "heldout" in given:
        file, name = own_file(given["heldout"]), benchmark_name(given["heldout"])
        _, card = held_out_problems(file, name)
        cards, held_out = [card.text()], (own_table(file).loaded,)
    if "file" in given:
        cards.insert(0, training(own_file(given["file"]), held_out).card.text())
    return "\n".join(cards)


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
