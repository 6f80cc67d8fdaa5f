"""``python -m tricks``, an alias of ``liteppo tricks``."""

import sys
from functools import partial

from liteppo.program import alias

main = partial(alias, "tricks")

if __name__ == "__main__":
    sys.exit(main())
