"""``python -m tricks [apply|check]``: what there is, what it makes of a batch, whether a trick keeps the contract."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from tricks.api import TrickError
from tricks.apply_arguments import parse
from tricks.apply_command import results
from tricks.check_command import named, report
from tricks.listing import listing
from tricks.settings import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE: Final = """\
usage: python -m tricks                        every trick, preset and dialect, with its source
       python -m tricks apply KEY=VALUE ...    what an algorithm makes of the batch on standard input, as JSON
       python -m tricks check NAME             whether a trick keeps the contract of tricks/api.py
       python -m tricks check MODULE:SPEC      the same for one that no package offers yet

  python -m tricks apply preset=liteppo emulate=trl < docs/rollouts.example.json
  python -m tricks apply preset=dapo tricks.clip_higher.clip_ratio_high=0.3 dtype=float64 < rollouts.json
  python -m tricks check my_package.my_module:SPEC

apply takes preset (vanilla_ppo), emulate (none), dtype (float32, float64), updates_per_rollout (4),
tricks.NAME={} to add a trick, tricks.NAME.SETTING=VALUE to change it, tricks.NAME=null to leave one out of the preset.
docs/rollouts.md describes the batch and the answer."""


def main(words: Sequence[str]) -> int:
    """Do what is asked. Exit code 2 for a wrong call or batch, 1 for a trick that breaks the contract."""
    if {"-h", "--help"} & set(words):
        print(USAGE)
        return 0
    try:
        code = _do(*words)
        sys.stdout.flush()
        return code
    except TrickError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader has seen enough, as in `python -m tricks | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _do(command: str = "list", *words: str) -> int:
    if command == "list" and not words:
        print("\n".join(listing()))
    elif command == "apply":
        print(results(parse(words), _batch()))
    elif command == "check" and len(words) == 1:
        return _check(words[0])
    else:
        known = ("list", "apply", "check")
        raise TrickError(USAGE if command in known else f"unknown command {command!r}; {suggest(command, known)}")
    return 0


def _batch() -> bytes:
    if sys.stdin.isatty():
        raise TrickError(
            "no batch on standard input; give one, as in python -m tricks apply < docs/rollouts.example.json"
        )
    return sys.stdin.buffer.read()


def _check(name: str) -> int:
    text, kept = report(named(name))
    print(text)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
