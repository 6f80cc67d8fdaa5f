"""Command ``python -m analysis``: an alias of the liteppo commands that read results."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    from liteppo.program import alias  # noqa: PLC0415 - the command line is above this layer

    return alias("analysis", argv)


if __name__ == "__main__":
    sys.exit(main())
