"""Command ``python -m harness.difficulty``, an alias of ``liteppo difficulty``."""

import sys
from functools import partial

from liteppo.program import alias

main = partial(alias, "harness.difficulty")

if __name__ == "__main__":
    sys.exit(main())
