"""``python -m liteppo``, the same as the console command ``liteppo``."""

from __future__ import annotations

import sys

from liteppo.program import main

if __name__ == "__main__":
    sys.exit(main())
