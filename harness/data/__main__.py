"""``python -m harness.data``, an alias of ``liteppo data``."""

import sys
from functools import partial

from liteppo.program import alias

main = partial(alias, "harness.data")

if __name__ == "__main__":
    sys.exit(main())
