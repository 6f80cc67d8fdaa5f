"""Command ``python -m harness``, an alias of ``liteppo run``."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    from liteppo.program import alias  # noqa: PLC0415 - the command line is above this layer

    return alias("harness", argv)


if __name__ == "__main__":
    sys.exit(main())
