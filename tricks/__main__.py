"""The catalog as a table: ``python -m tricks``."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

from tricks.api import TrickError
from tricks.catalog import BUILT_IN, ENTRY_POINT_GROUP, catalog


def main() -> int:
    """Print every trick with its hooks, settings, source and origin."""
    try:
        specs = catalog()
    except TrickError as error:
        print(error, file=sys.stderr)
        return 2
    ours = {spec.name for spec in BUILT_IN}
    packages = {point.name: point.dist.name if point.dist else "?" for point in entry_points(group=ENTRY_POINT_GROUP)}
    for name, spec in specs.items():
        settings = ", ".join(f"{key}={value}" for key, value in spec.settings.items())
        print(f"{name:22} {spec.summary}\n{'':22} hook      {', '.join(spec.hooks)}")
        print(f"{'':22} settings  {settings or 'none'}\n{'':22} source    {spec.source}")
        if name not in ours:
            print(f"{'':22} package   {packages[name]}")
    print("\nAdd one to a run with  python -m harness +tricks.NAME={}   (CONTRIBUTING.md: how to write one)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
