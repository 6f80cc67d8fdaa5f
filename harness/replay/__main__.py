"""Command ``python -m harness.replay``, an alias of ``liteppo replay`` without its tables."""

import sys
from functools import partial

from liteppo.program import alias

main = partial(alias, "harness.replay")

if __name__ == "__main__":
    sys.exit(main())
