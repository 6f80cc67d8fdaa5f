"""``python -m harness.rewards [check]``: the rewards that packages offer, and whether one keeps the contract."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from harness.data.errors import DataError
from harness.data.files import own_file
from harness.data.own import training
from harness.engine_config import Count, Positive
from harness.rewards.conformance import checks
from harness.rewards.contract import ENTRY_POINT_GROUP
from harness.rewards.function import Function
from harness.rewards.locate import locate, offered
from harness.schema import SchemaError, read, suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE: Final = f"""\
usage: python -m harness.rewards                               the rewards that installed packages offer
       python -m harness.rewards check NAME [file=mine.jsonl]  whether one keeps the contract

NAME is package.module:name, or the name of an entry point in the group {ENTRY_POINT_GROUP}. With a file its problems
are asked about, else three of our own. seconds=2 and memory_mb=4096 are the limits, as reward.seconds and
reward.memory_mb of a run. The contract is in harness/rewards/contract.py and docs/own_tasks.md.

  python -m harness.rewards check my_package.my_module:reward file=mine.jsonl seconds=5"""


@dataclass(frozen=True, slots=True)
class _Options:
    """The options that may follow the name."""

    file: str | None = None
    seconds: Positive = 2.0
    memory_mb: Count = 4096


def main(words: Sequence[str]) -> int:
    """Do what is asked. Exit code 2 for a wrong call, 1 for a reward that breaks the contract."""
    if {"-h", "--help"} & set(words):
        print(USAGE)
        return 0
    try:
        code = _do(*words)
        sys.stdout.flush()
    except (SchemaError, DataError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _do(command: str = "list", *words: str) -> int:
    if command == "list" and not words:
        known = [f"{name:21} {target}" for name, target in sorted(offered().items())]
        print("\n".join(known) or f"no installed package has an entry point in the group {ENTRY_POINT_GROUP}")
        return 0
    if command != "check":
        raise SchemaError(f"unknown command {command!r}; {suggest(command, ('check', 'list'))}")
    if not words or "=" in words[0]:
        raise SchemaError(USAGE)
    return _check(words[0], _options(words[1:]))


def _options(words: Sequence[str]) -> _Options:
    given: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            known = ", ".join(f"{field.name}=..." for field in fields(_Options))
            raise SchemaError(f"{word}: write name=value; known: {known}")
        given[name] = value if name == "file" else _number(value)
    return read(_Options, given)


def _number(text: str) -> float | str:
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        return text


def _check(name: str, options: _Options) -> int:
    function = Function(locate(name), 1.0, options.seconds, options.memory_mb)
    problems = training(own_file(options.file), graded=False).problems if options.file else ()
    found = checks(function, problems)
    kept = all(one.fault is None for one in found)
    print(
        f"{name} {'keeps' if kept else 'breaks'} the contract of harness/rewards/contract.py ({function.located.file})"
    )
    for one in found:
        print(f"  {'ok  ' if one.fault is None else 'FAULT'} {one.what}" + (f": {one.fault}" if one.fault else ""))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
