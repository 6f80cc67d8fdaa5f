"""Explain the example configurations that a framework ships, and count what is not understood.

    python -m tools.peers.examples NAME FOLDER [--version RELEASE] [--show]

FOLDER has the configurations, from a checkout of the framework; a file LIST in it names those to read, one a line, with
comments. Nothing of them is kept. Exit code 1 where fewer than 95 % are explained or an option has no place.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from tricks import TrickError
from tricks.frameworks import Explanation, explain_options, find_framework, read_file

BAR: Final = 0.95
_ENDINGS: Final = (".yaml", ".yml", ".toml", ".json", ".sh", ".py", ".md")


def main(words: list[str] | None = None) -> int:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", default="", help="the release of the examples; by default the newest known")
    parser.add_argument("--show", action="store_true", help="name the files that are not explained")
    options = parser.parse_args(words)
    framework = find_framework(options.name)
    files = list_examples(options.folder)
    failed: dict[str, str] = {}
    lacking: Counter[str] = Counter()
    unplaced: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    placed = empty = 0
    for path in files:
        try:
            reading = read_file(framework, path)
            found = explain_options(framework, options.version, reading.given)
        except TrickError as error:
            failed[str(path)] = str(error)
            continue
        empty += not reading.given
        if reasons := unexplained(found):
            failed[str(path)] = reasons
        lacking.update(found.problems)
        unplaced.update(option.name for option in found.unplaced)
        unknown.update(option.name for option in found.unknown)
        placed += len(reading.given)
    share = 1 - len(failed) / max(1, len(files))
    print(f"{options.name}: {len(files)} files, {share:.1%} explained, {empty} without options, {placed} options")
    for title, counts in (("no place", unplaced), ("not in the release", unknown), ("not whole because", lacking)):
        for name, count in counts.most_common(None if options.show else 15):
            print(f"  {title}: {name} ({count})")
    if options.show:
        print(*(f"  {path}: {why}" for path, why in failed.items()), sep="\n")
    return int(share < BAR or bool(unplaced))


def list_examples(folder: Path) -> list[Path]:
    """Return the files that LIST names, or all configurations of the folder."""
    listed = folder / "LIST"
    if not listed.is_file():
        return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _ENDINGS)
    lines = (line.partition("#")[0].strip() for line in listed.read_text(encoding="utf-8").splitlines())
    return [folder / line for line in lines if line]


def unexplained(found: Explanation) -> str:
    """Return why the rule is not explained; a choice that is named as not modeled with its reason is explained."""
    return "; ".join(problem for problem in found.problems if problem not in found.reasons)


if __name__ == "__main__":
    sys.exit(main())
