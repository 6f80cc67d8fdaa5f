"""``python -m sweeps``, an alias of liteppo sweep, plan and tune."""

import sys
from functools import partial

from liteppo.program import alias

main = partial(alias, "sweeps")

if __name__ == "__main__":
    sys.exit(main())
