"""Commands for other frameworks' configurations: ``explain``, ``diff``, ``frameworks``, and ``export --to``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from typer import Argument, Option, Typer

from liteppo.endings import OK, WRONG, ended, printed
from liteppo.trick_commands import tricks
from liteppo.words import Command, PassingCommand, frameworks as complete_frameworks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tricks.forms import FormReading
    from tricks.frameworks import Framework

EXPLAIN_EXAMPLES = """\
Examples:
  liteppo explain --framework verl --version 0.9.1 run_qwen3-8b.sh
  liteppo explain --framework trl grpo.yaml --beta 0.04
  liteppo explain --framework verl algorithm.adv_estimator=rloo
  liteppo explain --framework trl                    the defaults
  liteppo explain --framework trl grpo.yaml --json > recipe.json
  liteppo run +from=recipe.json steps=20             train with it

The file may be YAML, JSON, TOML, Python or a shell script; - is standard input."""

DIFF_EXAMPLES = """\
Examples:
  liteppo diff trl@0.21.0:grpo.yaml trl@1.16.0:grpo.yaml
  liteppo diff verl@0.9.1:run.sh liteppo@verl
  liteppo diff grpo dapo_static

A word is FRAMEWORK[@RELEASE]:FILE, FRAMEWORK[@RELEASE] for its defaults, PRESET,
or PRESET@FRAMEWORK[@RELEASE] for a preset as a framework computes it."""

FRAMEWORKS_EXAMPLES = """\
Examples:
  liteppo frameworks                       which frameworks and releases are known
  liteppo frameworks trl 0.15.2 1.16.0     what changed between two releases
  liteppo frameworks trl --preset dapo_static
                                           since when it is expressed, and when its gradient changed"""

_TEXT: Final = "(standard input)"


def explain(
    framework: Annotated[str, Option(metavar="NAME", help="trl, verl, ...", autocompletion=complete_frameworks)] = "",
    version: Annotated[str, Option(metavar="RELEASE", help="By default the newest known one.")] = "",
    json: Annotated[bool, Option("--json", help="Print JSON, which +from=FILE reads.")] = False,
    options: Annotated[
        list[str] | None,
        Argument(metavar="[FILE] [OPTION]...", help="A configuration; options replace those of the file."),
    ] = None,
) -> int:
    """Explain what a framework's configuration computes, and the place of each of its options.

    Exit code 2 where a choice or an option of it is not known in that release; what could be read is printed.
    """

    def show() -> int:
        from tricks.frameworks import (  # noqa: PLC0415 - nothing is imported for --help
            explain_options,
            find_framework,
            known_release,
            note_other_framework,
            report_lines,
            to_dict,
            to_json,
        )

        table = find_framework(framework)
        release, unknown = known_release(table, version)
        label, reading = _reading(table, options or [])
        explanation = explain_options(table, release, reading.given)
        other = note_other_framework(explanation, reading.given)
        notes = [*filter(None, (unknown, other)), *reading.notes]
        title = f"{table.title} {explanation.release}{f', {label}' if label else ', defaults'}"
        if json:
            print(to_json(to_dict(explanation, reading.form, notes)))
        else:
            printed(report_lines(explanation, title, notes))
        unread = set(explanation.problems) - set(explanation.reasons)
        return WRONG if unknown or explanation.unknown or unread else OK

    return ended(show, None)


def diff(
    first: Annotated[str, Argument(metavar="A", help="A configuration or a preset.")],
    second: Annotated[str, Argument(metavar="B", help="The other one.")],
) -> int:
    """Compare two configurations: whether the algorithm is the same, and by how much its gradient differs."""

    def show() -> int:
        from tricks.frameworks import compare_recipes, difference_lines, load_recipe  # noqa: PLC0415

        found = load_recipe(first), load_recipe(second)
        for recipe in found:
            for note in recipe.notes:
                print(f"note: {recipe.label}: {note}", file=sys.stderr)
        return printed(difference_lines(compare_recipes(*found)))

    return ended(show, None)


def frameworks(
    name: Annotated[str, Argument(metavar="[NAME]", help="trl, verl, ...", autocompletion=complete_frameworks)] = "",
    first: Annotated[str, Argument(metavar="[RELEASE]", help="The older release.")] = "",
    second: Annotated[str, Argument(metavar="[RELEASE]", help="The newer release; by default the newest.")] = "",
    preset: Annotated[str, Option(metavar="NAME", help="Follow one preset through all releases.")] = "",
) -> int:
    """Show what changed between two releases of a framework, or list the known ones."""

    def show() -> int:
        from tricks.frameworks import framework_lines  # noqa: PLC0415 - nothing is imported for --help

        return printed(framework_lines(name, first, second, preset))

    return ended(show, None)


def export_recipe(words: Sequence[str], cell: str, to: str, version: str, form: str) -> int:
    """Print a rule and its loop as another framework's configuration.

    Args:
        words: Hydra overrides of the rule and the loop; without others, the loop is the paper's.
        cell: The address of a number in a table, whose runs give the rule and the loop; "" for none.
        to: The framework.
        version: A known release; "" for the newest.
        form: yaml, json, toml, flags, overrides or keywords; "" for the framework's own.

    Returns:
        The exit code: 2 where the framework cannot express the rule; the message says what would do.

    """

    def show() -> int:
        from harness.config import compose_recipe, recipe_of  # noqa: PLC0415 - nothing is imported for --help
        from tricks.frameworks import export_text  # noqa: PLC0415

        preset, tricks, loop = recipe_of(_settings_of(cell)) if cell else compose_recipe(words)
        return printed(export_text(preset, tricks, loop, to, version, form))

    return ended(show, None)


def _settings_of(cell: str) -> Mapping[str, Any]:
    from analysis import find_cell_settings  # noqa: PLC0415 - pandas takes a second
    from liteppo.results import results_folder  # noqa: PLC0415

    return find_cell_settings(results_folder(None), cell)


def _reading(table: Framework, words: Sequence[str]) -> tuple[str, FormReading]:
    """Return a label and the options: those of a file, replaced by those of the command line."""
    from tricks.forms import FormReading, read_arguments  # noqa: PLC0415
    from tricks.frameworks import read_configuration, read_file  # noqa: PLC0415

    if words and words[0] == "-":
        label, found = _TEXT, read_configuration(table, sys.stdin.read(), "")
    elif words and _is_path(words[0]):
        label, found = words[0], read_file(table, Path(words[0]))
    else:
        return " ".join(words), read_arguments(list(words))
    if len(words) == 1:
        return label, found
    more = read_arguments(list(words[1:]))
    names = {option.name for option in more.given}
    kept = tuple(option for option in found.given if option.name not in names)
    return f"{label} {' '.join(words[1:])}", FormReading(found.form, (*kept, *more.given), (*found.notes, *more.notes))


def _is_path(word: str) -> bool:
    """Return True for a word that names a file; options start with a dash or a plus, or have an equals sign."""
    return not word.startswith(("-", "+", "~")) and ("=" not in word or Path(word).is_file())


def add(app: Typer) -> None:
    """Add the commands of this module."""
    panel = "Other frameworks"
    tricks.command(cls=PassingCommand, epilog=EXPLAIN_EXAMPLES, hidden=True)(explain)  # python -m tricks explain
    tricks.command(cls=Command, epilog=DIFF_EXAMPLES, hidden=True)(diff)
    tricks.command(cls=Command, epilog=FRAMEWORKS_EXAMPLES, hidden=True)(frameworks)
    app.command(cls=PassingCommand, epilog=EXPLAIN_EXAMPLES, rich_help_panel=panel)(explain)
    app.command(cls=Command, epilog=DIFF_EXAMPLES, rich_help_panel=panel, no_args_is_help=True)(diff)
    app.command(cls=Command, epilog=FRAMEWORKS_EXAMPLES, rich_help_panel=panel)(frameworks)
