"""Command ``python -m analysis``: an alias of the liteppo commands that read results."""

import sys
from functools import partial

from liteppo.program import alias

main = partial(alias, "analysis")

if __name__ == "__main__":
    sys.exit(main())
