"""Write the options of slime: the flags of its own parser, and Megatron's that its scripts use.

    python -m tools.peers options_slime [PATH OR ADDRESS OF THE REPOSITORY]

A flag without a value is true where it is given and false where it is not. Defaults of Megatron's flags are not known
here and are null.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tools.peers.common import Packages, run_inside
from tools.peers.slime import ABSENT
from tools.peers.snapshots import check_out, open_checkout, plain_value, write_options

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMIT: Final = "624b824"
_FLAG: Final = re.compile(r"(?<![\w-])--([a-z][\w-]+)")
_OTHERS: Final = ("sglang-", "runtime-env-json", "address", "head", "node-ip-address", "num-gpus", "dashboard-", "rl-")


def _answer(folder: str, scripts: str) -> dict[str, Any]:
    open_checkout(Path(folder), "slime", ABSENT)
    arguments = import_module("slime.utils.arguments")
    parser = arguments.get_slime_extra_args_provider()(argparse.ArgumentParser(add_help=False))
    found: dict[str, Any] = {name: None for name in sorted(set(_FLAG.findall(scripts))) if not name.startswith(_OTHERS)}
    for action in parser._actions:
        switch = action.nargs == 0
        for name in action.option_strings:
            found[name.lstrip("-")] = False if switch else plain_value(action.default)
    return found


def _scripts(folder: Path) -> str:
    """Return the text of all training scripts of the checkout."""
    listed = ["git", "-C", str(folder), "ls-tree", "-r", "--name-only", COMMIT]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    wanted = [name for name in names if name.endswith(".sh") and name.startswith(("scripts/", "examples/", "tests/"))]
    shown = ["git", "-C", str(folder), "show", *(f"{COMMIT}:{name}" for name in wanted)]
    text = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in text.splitlines() if re.match(r"\s*(#\s*)?--|\s*\w+=\(", line))


def record(words: Sequence[str]) -> Path:
    """Write the options and return the file."""
    folder = check_out(words[0] if words else "THUDM/slime", COMMIT, Packages().folder / "slime")
    request = {"folder": str(folder), "scripts": _scripts(folder)}
    return write_options("slime", COMMIT, run_inside(Path(__file__), [Path(__file__).parents[2]], request))


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps(_answer(asked["folder"], asked["scripts"])))
