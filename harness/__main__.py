"""One run from the command line: ``python -m harness preset=liteppo seed=1``."""

from __future__ import annotations

import sys

_USAGE = """\
usage: python -m harness [OVERRIDE ...]

Trains one policy with one set of tricks and prints what came of it. Every setting is a
Hydra override; all defaults are in harness/conf.

  python -m harness                                        PPO on raw rewards, tiny model
  python -m harness preset=liteppo seed=1                  a preset and a seed
  python -m harness preset=grpo +tricks.overlong_filter={}  add a trick
  python -m harness preset=liteppo ~tricks.token_mean      take one away
  python -m harness model.path=/path/to/model backend=hf   any Hugging Face model

groups (write group=option):
"""


def main(arguments: list[str]) -> int:
    """Run, or say in one message what is wrong. Returns the exit code."""
    from harness.files import groups  # noqa: PLC0415 - nothing heavy is imported for --help

    if {"-h", "--help"} & set(arguments):
        print(_USAGE + "\n".join(f"  {name:8} {', '.join(options)}" for name, options in groups().items()))
        return 0
    from harness.single import run_single  # noqa: PLC0415

    return run_single(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
