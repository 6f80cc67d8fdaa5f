"""``python -m harness.rewards``, an alias of ``liteppo rewards``."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    from liteppo.program import alias  # noqa: PLC0415 - the command line is above this layer

    return alias("harness.rewards", argv)


if __name__ == "__main__":
    sys.exit(main())
