"""``python -m analysis``, an alias of the commands of liteppo that read results."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    from liteppo.program import alias  # noqa: PLC0415 - the command line is above this layer

    return alias("analysis", argv)


if __name__ == "__main__":
    sys.exit(main())
