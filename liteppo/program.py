"""The program ``liteppo`` and its aliases, such as ``python -m sweeps``."""

import sys
from collections.abc import Mapping
from typing import Any, Final

from typer import Typer, TyperException
from typer.main import get_command

from liteppo import models, recipe_commands, results, rewards, studies, training, trick_commands
from liteppo.endings import INTERRUPTED, OK, WRONG
from liteppo.words import CommandGroup, WordError

HELP: Final = {"help_option_names": ["-h", "--help"]}

# Module -> its command of liteppo, or its own command names and the commands of liteppo behind them.
ALIASES: Final[Mapping[str, str | Mapping[str, str]]] = {
    "harness": "run",
    "harness.checkpoint": "export",
    "harness.data": "data",
    "harness.difficulty": "difficulty",
    "harness.evaluation": "eval",
    "harness.replay": "replay-gradients",
    "harness.rewards": "rewards",
    "harness.verify": "verify",
    "tricks": "tricks",
    "sweeps": {"plan": "plan", "run": "sweep", "tune": "tune"},
    "analysis": {
        **{name: name for name in ("tables", "figures", "summary", "takeaways", "guide", "trace", "report")},
        "replay": "replay-tables",
    },
}


def program() -> Any:
    """Build the Typer program with all commands."""
    app = Typer(cls=CommandGroup, no_args_is_help=True, context_settings=HELP, pretty_exceptions_enable=False)

    @app.callback()
    def about() -> None:
        """Run ablation studies of reinforcement learning for LLM reasoning (arXiv:2508.08221).

        Options are written as --name value or, as for make and Hydra, as name=value.
        """

    for module in (training, studies, results, models, rewards, trick_commands, recipe_commands):
        module.add(app)
    return get_command(app)


def main(argv: list[str] | None = None) -> int:
    """Run ``liteppo`` and return the exit code.

    It is 2 for an invalid call, 1 for a failure and 130 for Ctrl-C.
    """
    return run_command(program(), "liteppo", argv)


def alias(module: str, argv: list[str] | None = None) -> int:
    """Run ``python -m MODULE``, an alias of one or a few commands, and return the exit code."""
    found, target = program(), ALIASES[module]
    if isinstance(target, str):
        return run_command(found.commands[target], f"python -m {module}", argv)
    commands = {name: found.commands[command] for name, command in target.items()}
    for name, command in commands.items():
        command.name, command.hidden = name, False
    text = f"Run some commands of liteppo: {', '.join(commands)}."
    group = CommandGroup(name=module, commands=commands, no_args_is_help=True, context_settings=HELP, help=text)
    return run_command(group, f"python -m {module}", argv)


def run_command(command: Any, name: str, argv: list[str] | None) -> int:
    """Run one command or group.

    Args:
        command: the Click command
        name: the name of the program in messages
        argv: the arguments; by default those of the process

    Returns:
        The exit code, as in `main`.

    """
    command.context_settings = HELP
    try:
        code = command.main(args=sys.argv[1:] if argv is None else list(argv), prog_name=name, standalone_mode=False)
    except WordError as error:
        print(error, file=sys.stderr)
        return WRONG
    except TyperException as error:  # refused by Typer itself; where the message is empty, the help has been printed
        if message := error.format_message():
            print(f"{message[0].lower()}{message[1:]}; see {name} --help", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        return INTERRUPTED
    return code if isinstance(code, int) else OK
