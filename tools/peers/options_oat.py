"""Write the options of oat's learners with rewards: the fields of the dataclasses that they parse.

python -m tools.peers.options_oat [PATH OR ADDRESS OF THE REPOSITORY]
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tools.peers.common import Packages
from tools.peers.dataclass_options import dataclass_options
from tools.peers.snapshots import check_out, write_options

if TYPE_CHECKING:
    from pathlib import Path

COMMIT: Final = "c1a074c"
OVER: Final = {"algo": "PPO", "online_evaluation": True}  # what run_math_rl itself sets
FILES: Final = ("oat/experiment/run_math_rl.py", "oat/algorithms/ppo.py", "oat/args.py")


def write(words: list[str]) -> Path:
    """Write the options and return the file."""
    folder = check_out(words[0] if words else "sail-sg/oat", COMMIT, Packages().folder / "oat")
    return write_options("oat", COMMIT, dataclass_options([folder / name for name in FILES], ["ZeroMathArgs"]) | OVER)


if __name__ == "__main__":
    print(write(sys.argv[1:]))
