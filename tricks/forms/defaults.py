"""Follow the list of defaults in a YAML file: files of Hydra and of NeMo-RL whose options lie below its own."""

import posixpath
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from tricks.forms.reading import FormHints, Given, Options, join

_DEEPEST: Final = 8  # files that name files
_ENTRY: Final = re.compile(r"(?:optional\s+|override\s+)*/?(?P<file>[^@]*)(?:@(?P<package>.*))?")


def add_defaults(options: Options, hints: FormHints, read: Callable[[str, FormHints], Options], depth: int) -> None:
    """Replace the option ``defaults`` by the options of the files that it names.

    Args:
        options: the options of the file
        hints: ``find`` gives the text of a file
        read: reads the text of a file
        depth: how many files lead to this one

    """
    given = next((each for each in options.given() if each.name == "defaults"), None)
    if given is None or not isinstance(given.value, (str, list)):
        return
    options.remove("defaults")
    entries = given.value if isinstance(given.value, list) else [given.value]
    after = entries.index("_self_") if "_self_" in entries else len(entries)
    for entry in reversed(entries[: after + 1]):
        _add(options, given, entry, hints, read, depth)
    for entry in entries[after + 1 :]:
        options.note(f"{given.place}: defaults names {entry} after _self_, whose options hold; they are not read")


def _add(
    options: Options, given: Given, entry: Any, hints: FormHints, read: Callable[[str, FormHints], Options], depth: int
) -> None:
    for file, package in _files(entry):
        text = None if depth >= _DEEPEST else hints.text_of(file)
        if text is None:
            options.note(
                f"{given.place}: defaults names {file}, whose options are not read; "
                "explain the composed configuration, or put the file beside this one"
            )
            continue
        below = Options()
        found = read(text, below_folder(hints, file))
        for each in found.given():
            below.add(join(package, each.name), each.value, each.place)
        for note in found.reading("yaml").notes:
            below.note(note)
        options.add_below(below.reading("yaml"), file)


def below_folder(hints: FormHints, file: str) -> FormHints:
    """Return hints that find files named in ``file``, which are relative to its folder."""
    folder, find = posixpath.dirname(file), hints.find
    if not folder or find is None:
        return hints
    return replace(hints, find=lambda name: find(posixpath.normpath(posixpath.join(folder, name))))


def _files(entry: Any) -> list[tuple[str, str]]:
    """Return the file that an entry names and the block that its options belong to."""
    if isinstance(entry, str) and entry != "_self_":
        return [_file(entry, "")]
    if isinstance(entry, dict):
        return [_file(str(group), str(choice)) for group, choice in entry.items() if choice not in (None, "_self_")]
    return []


def _file(text: str, choice: str) -> tuple[str, str]:
    found = _ENTRY.fullmatch(text.strip())
    file, package = (found["file"], found["package"]) if found else (text, None)
    group = f"{file}/{choice}" if choice else file
    if package is None:
        package = "" if group.endswith((".yaml", ".yml")) or group.startswith(".") else group.rpartition("/")[0]
    package = "" if package in ("_global_", "_here_") else package.replace("/", ".")
    return (group if group.endswith((".yaml", ".yml")) else f"{group}.yaml"), package
