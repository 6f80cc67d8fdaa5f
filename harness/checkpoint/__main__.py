"""``python -m harness.checkpoint``, an alias of ``liteppo export``."""

import sys
from functools import partial

from liteppo.program import alias

main = partial(alias, "harness.checkpoint")

if __name__ == "__main__":
    sys.exit(main())
