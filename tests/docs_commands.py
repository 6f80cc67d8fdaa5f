"""The commands of docs/reference/commands.md, written from the program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from liteppo.program import program
from tests.markdown import code, table


def commands() -> Iterator[str]:
    """Every command with its arguments, options and examples."""
    for name, command in program().commands.items():
        if not command.hidden:
            yield from _command(("liteppo", name), command)
            for inner, each in getattr(command, "commands", {}).items():
                yield from _command(("liteppo", name, inner), each)


def _command(path: tuple[str, ...], command: Any) -> Iterator[str]:
    yield from (f"{'#' * (len(path) + 1)} `{' '.join(path)}`", "")
    for paragraph in (command.help or "").split("\n\n"):
        yield from (" ".join(paragraph.split()), "")
    if rows := [_row(param) for param in command.params if not getattr(param, "hidden", False)]:
        yield from table(("option", "as a word", "value", "what it does"), rows)
        yield ""
    if command.epilog:
        yield from _epilog(command.epilog)


def _row(param: Any) -> tuple[str, str, str, str]:
    named = param.param_type_name == "option"
    is_flag = getattr(param, "is_flag", False)
    word = "" if param.name == "overrides" else code(f"{param.name}={'1' if is_flag else '...'}")
    value = "" if is_flag else code(param.metavar or "TEXT")
    default = f" Default: {code(param.default)}." if param.default not in (None, False, "", ()) else ""
    return ", ".join(map(code, param.opts)) if named else "", word, value, f"{param.help or ''}{default}"


def _epilog(text: str) -> Iterator[str]:
    """Examples are indented by two; they become a block of code."""
    for paragraph in text.split("\n\n"):
        lines = paragraph.splitlines()
        examples = [line.removeprefix("  ") for line in lines if line.startswith("  ")]
        yield from (line for line in lines if not line.startswith("  "))
        yield from ("", "```sh", *examples, "```") if examples else ()
        yield ""
