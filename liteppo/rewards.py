"""Commands for rewards: ``verify`` and ``rewards``."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Context, Option, Typer

from liteppo.endings import ended
from liteppo.words import Command, CommandGroup, WordError

VERIFY_EXAMPLE = """\
Example:
  liteppo verify responses.jsonl > rewards.jsonl

Each line: {"id": ..., "gold": "...", "response": "..."}, and "tolerance": 0.1
if the benchmark states one. Results: {"id": ..., "reward": 1, "reason":
"equal"}; docs/evidence/verifier.md lists the reasons. Other columns are copied behind
these three; none may be named reward or reason. A line that cannot be read
has no result; all others have theirs. Each kind of fault is reported once on
standard error at the end, and the exit code is 2."""

REWARDS_EXAMPLE = """\
Examples:
  liteppo rewards                       what installed packages offer
  liteppo rewards check my_package.my_module:reward --file mine.jsonl

The contract is in harness/rewards/contract.py and docs/guides/own_tasks.md."""


def verify(
    file: Annotated[
        str | None, Argument(metavar="[FILE]", help="JSON lines; standard input where left out.", show_default=False)
    ] = None,
    strict: Annotated[bool, Option("--strict", help="Refuse a line with an unknown column.")] = False,
    open_box: Annotated[
        str,
        Option(
            metavar="wrong|ignored",
            help="A response with an unclosed last box is wrong, or judged by its last complete box.",
        ),
    ] = "wrong",
) -> int:
    """Reward responses with a reason: 1 where the last box equals the gold answer, else 0."""
    from typing import get_args  # noqa: PLC0415

    from harness.verify import judge_lines  # noqa: PLC0415
    from harness.verify.model import OpenBox  # noqa: PLC0415 - nothing is imported for --help

    if open_box not in (known := get_args(OpenBox)):
        choices = ", ".join(map(repr, known))
        raise WordError(f"open_box: invalid choice: {open_box!r} (choose from {choices})")
    chosen: Any = open_box
    return judge_lines(None if file is None else Path(file), strict=strict, open_box=chosen)


rewards = Typer(cls=CommandGroup, invoke_without_command=True, epilog=REWARDS_EXAMPLE)


@rewards.callback()
def rewards_callback(context: Context) -> int:
    """List the rewards that installed packages offer, or check whether one keeps the contract."""
    return 0 if context.invoked_subcommand else list_rewards()


@rewards.command("list", cls=Command)
def list_rewards() -> int:
    """List the rewards that installed packages offer."""

    def show() -> int:
        from harness.rewards import list_reward_functions  # noqa: PLC0415 - nothing is imported for --help

        print(list_reward_functions())
        return 0

    return ended(show, None)


@rewards.command("check", cls=Command, epilog=REWARDS_EXAMPLE, no_args_is_help=True)
def check_reward(
    name: Annotated[str, Argument(metavar="NAME", help="package.module:name, or the name of an entry point.")],
    file: Annotated[str | None, Option(metavar="FILE", help="Use its problems; by default three of ours.")] = None,
    seconds: Annotated[str, Option(metavar="S", help="Time limit of one call, as reward.seconds of a run.")] = "2",
    memory_mb: Annotated[str, Option(metavar="MB", help="Memory limit, as reward.memory_mb of a run.")] = "4096",
) -> int:
    """Check whether a reward keeps the contract. Exit code 1 where it does not."""

    def check() -> int:
        from harness.common import build_dataclass  # noqa: PLC0415
        from harness.rewards import CheckOptions, check_reward as checked  # noqa: PLC0415

        limits = {"file": file, "seconds": _number(seconds), "memory_mb": _number(memory_mb)}
        text, kept = checked(name, build_dataclass(CheckOptions, limits))
        print(text)
        return 0 if kept else 1

    return ended(check, None)


def _number(text: str) -> float | str:
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        return text


def add(app: Typer) -> None:
    """Add the commands of this module."""
    panel = "Rewards and tricks"
    app.command(cls=Command, epilog=VERIFY_EXAMPLE, rich_help_panel=panel)(verify)
    app.add_typer(rewards, name="rewards", rich_help_panel=panel)
