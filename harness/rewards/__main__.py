"""``python -m harness.rewards``, an alias of ``liteppo rewards``."""

import sys
from functools import partial

from liteppo.program import alias

main = partial(alias, "harness.rewards")

if __name__ == "__main__":
    sys.exit(main())
