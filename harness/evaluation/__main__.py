"""Command ``python -m harness.evaluation``, an alias of ``liteppo eval``."""

import sys
from functools import partial

from liteppo.program import alias

main = partial(alias, "harness.evaluation")

if __name__ == "__main__":
    sys.exit(main())
