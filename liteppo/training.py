"""Commands for one run and its results: ``run``, ``replay`` and ``export``."""

import shlex
import sys
from collections.abc import Sequence
from typing import Annotated

from typer import Argument, Option, Typer

from liteppo.endings import WRONG, ended, printed
from liteppo.words import OverridesCommand, WordError, frameworks, overrides as complete_overrides

Overrides = Annotated[
    list[str] | None,
    Argument(
        metavar="[NAME=VALUE]...",
        help="Hydra overrides of the defaults in harness/conf.",
        autocompletion=complete_overrides,
        show_default=False,
    ),
]

RUN_EXAMPLES = """\
Examples:
  liteppo run                                         PPO on raw rewards
  liteppo run preset=liteppo seed=1                   a preset and a seed
  liteppo run preset=grpo tricks.overlong_filter={}   add or change a trick
  liteppo run preset=liteppo tricks.token_mean=null   leave one out
  liteppo run preset=grpo emulate=trl                 as TRL computes it
  liteppo run model.path=/path/to/model backend=hf    a Hugging Face model
  liteppo run model=smol data=math_easy eval=smol     real problems

liteppo tricks lists the tricks.
liteppo run --options lists the presets and the options of the groups."""


def run(
    overrides: Overrides = None,
    options: Annotated[
        bool, Option("--options", help="List the presets and the options of the config groups.")
    ] = False,
    multirun: Annotated[bool, Option("--multirun", "-m", help="Hydra's sweep: says which line makes one.")] = False,
) -> int:
    """Train one policy with one set of tricks and print its scores.

    Every setting is a Hydra override. Exit code 2 for an invalid setting, 1 for a failed run, 130 for Ctrl-C.
    """
    words = overrides or []
    if options:
        print(_options())
        return 0
    if multirun:
        print(f"run: one run at a time; to run and record every combination: {_sweep(words)}", file=sys.stderr)
        return WRONG
    try:
        from harness.training import run_single  # noqa: PLC0415 - torch takes a second

        return run_single(words)
    except KeyboardInterrupt:  # before the run has started
        print("stopped; no run has started", file=sys.stderr)
        return 130


def replay(
    overrides: Overrides = None,
    rollouts: Annotated[
        str | None, Option(metavar="FILE", help="A batch of any framework as JSON (docs/reference/rollouts.md).")
    ] = None,
) -> int:
    """Compare the gradient of every trick on one frozen batch: a table and a heat map.

    Without a file, a model is trained for some steps (steps=4) and its next batch is frozen.
    """
    from liteppo.results import results_folder  # noqa: PLC0415

    code = replay_gradients(overrides, rollouts)
    if code == 0:
        from analysis import run_replays  # noqa: PLC0415 - matplotlib, a second

        return ended(lambda: printed(run_replays(results_folder(None))))
    return code


def replay_gradients(overrides: Overrides = None, rollouts: Annotated[str | None, Option()] = None) -> int:
    """Compare the gradients and write them, without the table and the heat map."""
    from harness.replay import run_replay as replayed  # noqa: PLC0415 - torch takes a second
    from liteppo.results import results_folder  # noqa: PLC0415

    return ended(lambda: replayed(overrides or [], rollouts, results_folder(None)))


EXPORT_EXAMPLES = """\
Examples:
  liteppo export 0a1b2c3d4e-s0
  liteppo export preset=liteppo --to verl --version 0.9.1
  liteppo export preset=grpo +tricks.clip_higher={} rollout.group_size=16 --to trl --form keywords

With --to, the words are Hydra overrides as for liteppo run, and the recipe is
printed; without others, the loop is the paper's (rollout=8k optim=paper)."""


def export(
    words: Annotated[
        list[str] | None,
        Argument(metavar="RUN | [NAME=VALUE]...", help="A run id, which liteppo trace shows; with --to, a recipe."),
    ] = None,
    to: Annotated[
        str, Option(metavar="FRAMEWORK", help="Print the recipe for this framework.", autocompletion=frameworks)
    ] = "",
    version: Annotated[str, Option(metavar="RELEASE", help="By default the newest known one.")] = "",
    cell: Annotated[
        str, Option(metavar="ADDRESS", help="With --to, the recipe of a number in a table, as for liteppo trace.")
    ] = "",
    form: Annotated[
        str,
        Option(metavar="FORM", help="yaml, json, toml, flags, overrides or keywords; by default the framework's own."),
    ] = "",
) -> int:
    """Print the folder of a run's weights, or a recipe for another framework.

    A finished run has weights if it ran with checkpoint.export=true. For a stopped run, the newest checkpoint is
    exported first. With --to, each line of the recipe says why it is there. Exit code 2 for an unknown run, or a
    recipe that the framework cannot express; 1 where a run has no weights.
    """
    given = [word.removeprefix("run_id=") for word in words or []]
    if to:
        from liteppo.recipe_commands import export_recipe  # noqa: PLC0415

        return export_recipe(given, cell, to, version, form)
    if len(given) != 1 or "=" in given[0]:
        raise WordError("export: name one run, or write --to FRAMEWORK for a recipe")
    from harness.checkpoint import export_run  # noqa: PLC0415 - nothing is imported for --help
    from liteppo.results import results_folder  # noqa: PLC0415

    return ended(lambda: export_run(given[0], results_folder(None)))


def _options() -> str:
    from textwrap import fill  # noqa: PLC0415 - as below

    from harness.config import list_config_groups  # noqa: PLC0415 - nothing heavy is imported here
    from tricks import PRESETS  # noqa: PLC0415

    presets = fill(", ".join(PRESETS), width=96, initial_indent="  ", subsequent_indent="  ")
    options = "\n".join(f"  {name:8} {', '.join(known)}" for name, known in list_config_groups().items())
    return f"presets (preset=NAME):\n{presets}\n\ngroups (GROUP=OPTION):\n{options}"


def _sweep(words: Sequence[str]) -> str:
    """Return the command that runs every combination of the words."""
    return shlex.join(["liteppo", "sweep", *(words or ["preset=grpo,liteppo"])])


def add(app: Typer) -> None:
    """Add the commands of this module."""
    panel = "Runs"
    app.command(cls=OverridesCommand, epilog=RUN_EXAMPLES, rich_help_panel=panel)(run)
    app.command(cls=OverridesCommand, rich_help_panel=panel)(replay)
    app.command("replay-gradients", cls=OverridesCommand, hidden=True)(replay_gradients)
    app.command(cls=OverridesCommand, epilog=EXPORT_EXAMPLES, rich_help_panel=panel, no_args_is_help=True)(export)
