"""math-verify as it comes, in a process of its own: what our verifier is compared with.

``python -m tools.verifier_audit.plain`` reads JSON lines ``[gold, response]`` and writes ``true`` or ``false`` for
each. Its timeouts need the main thread and would touch our alarms; its process can be ended from outside.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from tools.verifier_audit.counts import AuditWord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.verifier_audit.counts import Pair

PATIENCE: Final = 600.0  # seconds for all pairs; a minute is usual on a slow machine


class PlainError(RuntimeError):
    """math-verify did not get through the pairs."""


def plain_words(pairs: Sequence[Pair], patience: float = PATIENCE) -> list[AuditWord]:
    """What math-verify says of each pair. Raises PlainError where it fails or takes longer than ``patience``."""
    lines = "".join(f"{json.dumps([pair.gold, pair.response])}\n" for pair in pairs)
    command = [sys.executable, "-m", "tools.verifier_audit.plain"]
    try:
        done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=patience, check=True)
    except subprocess.TimeoutExpired:
        raise PlainError(f"math-verify took more than {patience:g} s") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        raise PlainError(f"math-verify ended with code {error.returncode}: {last}") from None
    return [AuditWord(right=json.loads(line)) for line in done.stdout.splitlines()]


def main() -> None:
    """Judge standard input."""
    from math_verify import parse, verify  # noqa: PLC0415 - sympy, half a second

    for line in sys.stdin:
        gold, response = json.loads(line)
        wrapped = gold if "$" in gold else f"${gold}$"  # a bare gold is often not parsed at all
        print(json.dumps(bool(verify(parse(wrapped), parse(response)))))


if __name__ == "__main__":
    main()
