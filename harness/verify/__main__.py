"""``python -m harness.verify``, an alias of ``liteppo verify``."""

import sys
from functools import partial

from liteppo.program import alias

main = partial(alias, "harness.verify")

if __name__ == "__main__":
    sys.exit(main())
