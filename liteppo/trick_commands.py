"""Commands for tricks: ``tricks``, ``tricks apply`` and ``tricks check``."""

import sys
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Context, Option, Typer

from liteppo.endings import ended
from liteppo.words import Command, CommandGroup, StrictCommand, dialects, presets, trick_names

if TYPE_CHECKING:
    from tricks.io import ApplyOptions

APPLY_EXAMPLES = """\
Examples:
  liteppo tricks apply --preset liteppo < docs/reference/rollouts.example.json
  liteppo tricks apply preset=grpo emulate=trl < rollouts.json
  liteppo tricks apply preset=dapo tricks.clip_higher.clip_ratio_high=0.3 < ...

tricks.NAME={} adds a trick, tricks.NAME.SETTING=VALUE changes it, and
tricks.NAME=null leaves one of the preset out. docs/reference/rollouts.md describes the
batch and the answer."""

EXAMPLES = """\
Examples:
  liteppo tricks                             all tricks, with their sources
  liteppo tricks apply preset=liteppo emulate=trl < docs/reference/rollouts.example.json
  liteppo tricks check my_package.my_module:SPEC"""

tricks = Typer(cls=CommandGroup, invoke_without_command=True, epilog=EXAMPLES)


@tricks.callback()
def tricks_callback(context: Context) -> int:
    """List every trick, apply an algorithm to a batch, or check a trick."""
    return 0 if context.invoked_subcommand else list_tricks()


@tricks.command("list", cls=Command)
def list_tricks() -> int:
    """List every trick, preset and dialect with its hook, settings and source."""

    def show() -> int:
        from tricks.io import list_catalog  # noqa: PLC0415 - nothing is imported for --help

        print("\n".join(list_catalog()))
        return 0

    return ended(show, None)


@tricks.command("apply", cls=StrictCommand, epilog=APPLY_EXAMPLES)
def apply(
    preset: Annotated[str, Option(metavar="NAME", help="Preset of tricks.", autocompletion=presets)] = "vanilla_ppo",
    emulate: Annotated[
        str,
        Option(
            metavar="NAME", help="Compute as this framework does (docs/reference/tricks.md).", autocompletion=dialects
        ),
    ] = "none",
    dtype: Annotated[str, Option(metavar="float32|float64", help="Precision.")] = "float32",
    updates_per_rollout: Annotated[str, Option(metavar="N", help="Updates per batch of rollouts.")] = "4",
    fired: Annotated[str, Option(metavar="true|false", help="Find the tokens that each trick changes.")] = "true",
    overrides: Annotated[
        list[str] | None,
        Argument(metavar="[tricks.NAME...=VALUE]...", help="Changes to the tricks of the preset.", show_default=False),
    ] = None,
) -> int:
    """Apply an algorithm to the batch on standard input and print the result as JSON.

    The result holds everything that decides the gradient. Many batches are given one a line, and answered one a line.
    """

    def compute() -> int:
        from tricks.io import apply_as_json, holds_lines, read_options  # noqa: PLC0415

        options = read_options(preset, emulate, dtype, updates_per_rollout, overrides or (), fired)
        text = _batch()
        if holds_lines(text):
            return _print_lines(options, text)
        print(apply_as_json(options, text))
        return 0

    return ended(compute, None)


@tricks.command("check", cls=Command, no_args_is_help=True)
def check(
    name: Annotated[
        str,
        Argument(metavar="NAME|MODULE:SPEC", help="A trick, or one of a module.", autocompletion=trick_names),
    ],
) -> int:
    """Check whether a trick keeps the contract of tricks/api.py. Exit code 1 where it does not."""

    def examine() -> int:
        from tricks.io import report_violations, resolve_trick  # noqa: PLC0415 - torch takes a second

        text, kept = report_violations(resolve_trick(name))
        print(text)
        return 0 if kept else 1

    return ended(examine, None)


def _print_lines(options: "ApplyOptions", text: bytes) -> int:
    """Print one result a line; exit code 2 where a line holds no valid batch."""
    from tricks.io import apply_each_line  # noqa: PLC0415

    failed = False
    for result, messages in apply_each_line(options, text):
        print(result)
        for message in messages:
            print(message, file=sys.stderr)
        failed |= any(message.startswith("line ") for message in messages)
    return 2 if failed else 0


def _batch() -> bytes:
    from tricks import TrickError  # noqa: PLC0415 - nothing is imported for --help

    if sys.stdin.isatty():
        raise TrickError(
            "no batch on standard input; give one, as in liteppo tricks apply < docs/reference/rollouts.example.json"
        )
    return sys.stdin.buffer.read()


def add(app: Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(tricks, name="tricks", rich_help_panel="Rewards and tricks")
