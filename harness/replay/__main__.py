"""Command ``python -m harness.replay``, an alias of ``liteppo replay`` without its tables."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    from liteppo.program import alias  # noqa: PLC0415 - the command line is above this layer

    return alias("harness.replay", argv)


if __name__ == "__main__":
    sys.exit(main())
