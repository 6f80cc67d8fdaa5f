"""Write the options of OpenRLHF's ``train_ppo_ray`` by release: ``python -m tools.peers.options_openrlhf``.

The command line of each release tells its own options and defaults.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tools.peers.common import Packages, run_inside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FOLDER: Final = Path(__file__).resolve().parents[2] / "tricks/frameworks/options"
_SCRIPT: Final = Path(__file__).with_name("run_openrlhf.py")


def span_options(releases: Sequence[str], found: Mapping[str, Mapping[str, Any]]) -> dict[str, list[list[Any]]]:
    """Return the spans ``[first, last, default]`` of every option; the last is None where it is still there.

    Args:
        releases: In order.
        found: The defaults of each release by option.

    Returns:
        The spans by option, sorted by name.

    """
    spans: dict[str, list[list[Any]]] = {}
    for name in sorted({name for options in found.values() for name in options}):
        rows: list[list[Any]] = []
        before = ""
        for release in releases:
            if name in found[release]:
                default = found[release][name]
                if rows and rows[-1][1] == before and rows[-1][2] == default:
                    rows[-1][1] = release
                else:
                    rows.append([release, release, default])
            before = release
        if rows[-1][1] == releases[-1]:
            rows[-1][1] = None
        spans[name] = rows
    return spans


def write_options(framework: str, releases: Sequence[str], found: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write the options file of a framework, one option a line, and return its path."""
    spans = span_options(releases, found)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in spans.items())
    known = json.dumps(list(releases))
    target = _FOLDER / f"{framework}.json"
    target.write_text(
        f'{{"framework": "{framework}", "releases": {known},\n"options": {{\n{lines}\n}}}}\n', encoding="utf-8"
    )
    return target


def main() -> None:
    """Read the command line of every known release."""
    from tricks.dialects import ALL_RELEASES  # noqa: PLC0415 - imports torch

    releases = ALL_RELEASES["openrlhf"].known_releases
    found = {}
    for release in releases:
        folder = Packages().install(f"openrlhf=={release}")
        found[release] = run_inside(_SCRIPT, (folder,), {"folder": str(folder), "options": True})
    print(write_options("openrlhf", releases, found))


if __name__ == "__main__":
    main()
