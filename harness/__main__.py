"""Command ``python -m harness``, an alias of ``liteppo run``."""

import sys
from functools import partial

from liteppo.program import alias

main = partial(alias, "harness")

if __name__ == "__main__":
    sys.exit(main())
