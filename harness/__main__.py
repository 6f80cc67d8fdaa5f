"""One run from the command line: ``python -m harness preset=liteppo seed=1``."""

from __future__ import annotations

import sys
from textwrap import fill

_USAGE = """\
usage: python -m harness [OVERRIDE ...]

Trains one policy with one set of tricks and prints what came of it. Every setting is a
Hydra override; all defaults are in harness/conf.

  python -m harness                                         PPO on raw rewards, tiny model
  python -m harness preset=liteppo seed=1                   a preset and a seed
  python -m harness preset=grpo tricks.overlong_filter={}   add a trick, or change its settings
  python -m harness preset=liteppo tricks.token_mean=null   leave one out
  python -m harness preset=grpo emulate=trl                 as another framework computes it
  python -m harness model.path=/path/to/model backend=hf    any Hugging Face model
  python -m harness model=smol data=math_easy eval=smol     a pretrained one, on real problems (docs/data.md)

"python -m tricks" lists the tricks. The presets:
  {presets}

groups (write group=option):
"""


def main(arguments: list[str]) -> int:
    """Run, or say in one message what is wrong. Returns the exit code."""
    if {"-h", "--help"} & set(arguments):
        print(_usage())
        return 0
    try:
        from harness.single import run_single  # noqa: PLC0415

        return run_single(arguments)
    except KeyboardInterrupt:  # before anything has begun
        print("stopped; nothing has run", file=sys.stderr)
        return 130


def _usage() -> str:
    from harness.files import groups  # noqa: PLC0415 - nothing heavy is imported for --help
    from tricks.presets import PRESETS  # noqa: PLC0415

    options = "\n".join(f"  {name:8} {', '.join(options)}" for name, options in groups().items())
    presets = fill(", ".join(PRESETS), width=96, subsequent_indent="  ")
    return _USAGE.replace("{presets}", presets) + options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
