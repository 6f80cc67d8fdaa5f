"""``python -m liteppo``, the same as the console command ``liteppo``."""

import sys

from liteppo.program import main

if __name__ == "__main__":
    sys.exit(main())
