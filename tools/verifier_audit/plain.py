"""Plain math-verify in its own process, the baseline of our verifier.

``python -m tools.verifier_audit.plain`` reads JSON lines ``[gold, response]`` and writes ``true`` or ``false`` for
each. Its timeouts need the main thread and would interfere with our alarms. Its process can be killed from outside.
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

PATIENCE: Final = 600.0  # seconds for all pairs; a slow machine needs about a minute


class PlainError(RuntimeError):
    """math-verify failed before it judged all pairs."""


def plain_words(pairs: Sequence[Pair], patience: float = PATIENCE) -> list[AuditWord]:
    """Return math-verify's verdict on each pair.

    Raises PlainError where it fails or takes longer than ``patience`` seconds.
    """
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
    """Judge the pairs on standard input."""
    from math_verify import parse, verify  # noqa: PLC0415 - sympy, half a second

    for line in sys.stdin:
        gold, response = json.loads(line)
        wrapped = gold if "$" in gold else f"${gold}$"  # a bare gold is often not parsed at all
        print(json.dumps(bool(verify(parse(wrapped), parse(response)))))


if __name__ == "__main__":
    main()
