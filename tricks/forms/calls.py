"""Cut the arguments of a call out of a text that is not Python as a whole, such as one that ends too early."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from tricks.forms.reading import Lines

_CALL: Final = re.compile(r"([A-Za-z_]\w{0,80})\(")
_PART: Final = re.compile(
    r"#[^\n]*"
    r"|(?:'''(?:[^\\']|\\.|'(?!''))*(?:'''|\Z))|(?:\"\"\"(?:[^\\\"]|\\.|\"(?!\"\"))*(?:\"\"\"|\Z))"
    r"|'(?:[^\\'\n]|\\.)*'?|\"(?:[^\\\"\n]|\\.)*\"?"
    r"|[()\[\]{},]|[^#'\"()\[\]{},]+",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Pieces:
    """The arguments of a call, with their lines."""

    name: str
    arguments: list[tuple[int, str]]
    fault_line: int  # where the call ends or the text does


def cut_arguments(text: str, names: Iterable[str]) -> Pieces | None:
    """Return the arguments of the first call of a name that fits one of the patterns, or keyword arguments alone."""
    patterns = tuple(names)
    found = next((each for each in _CALL.finditer(text) if any(fnmatchcase(each[1], p) for p in patterns)), None)
    lines = Lines(text)
    begin = found.end() if found else 0
    if found is None and not re.match(r"\s*[A-Za-z_]\w*\s*=(?!=)", text):
        return None
    arguments: list[tuple[int, str]] = []
    depth, end = 0, begin
    start = begin
    for part in _PART.finditer(text, begin):
        token, end = part[0], part.end()
        if token in ("(", "[", "{"):
            depth += 1
        elif token in (")", "]", "}"):
            depth -= 1
            if depth < 0:
                end = part.start()
                break
        elif token == "," and depth == 0:
            _append(arguments, text[start : part.start()], start, lines)
            start = end
    _append(arguments, text[start:end], start, lines)
    return Pieces(found[1] if found else "the arguments", arguments, lines.at(max(0, end - 1)))


def _append(arguments: list[tuple[int, str]], piece: str, start: int, lines: Lines) -> None:
    bare = piece.lstrip()
    if bare.strip():
        arguments.append((lines.at(start + len(piece) - len(bare)), bare))
