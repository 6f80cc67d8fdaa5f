"""Command line: ``python -m tools.peers NAME [RELEASE ...]`` records what a framework computes on our batches.

Without releases, all that the framework's script knows are run. The numbers go to tests/tricks/dialects/recorded.
"""

import sys
from importlib import import_module
from pathlib import Path

from tools.peers.common import PeerError


def main(words: list[str]) -> int:
    """Run the script of a framework and return the exit code."""
    known = sorted(
        path.stem for path in Path(__file__).parent.glob("*.py") if "\ndef record(" in path.read_text(encoding="utf-8")
    )
    if not words or words[0] not in known:
        print(f"usage: python -m tools.peers NAME [RELEASE ...]; known names: {', '.join(known)}", file=sys.stderr)
        return 2
    try:
        print(import_module(f"tools.peers.{words[0]}").record(words[1:]))
    except PeerError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
