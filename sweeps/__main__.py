"""``python -m sweeps``, an alias of liteppo sweep, plan and tune."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    from liteppo.program import alias  # noqa: PLC0415 - the command line is above this layer

    return alias("sweeps", argv)


if __name__ == "__main__":
    sys.exit(main())
