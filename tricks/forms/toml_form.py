"""Read TOML, up to the first error where the text has one."""

import re
import tomllib
from datetime import date, datetime, time
from typing import Any, Final

from tricks.forms.reading import FormReading, Lines, Options, flatten, join, prepare

_STATEMENT: Final = re.compile(
    r"^[ \t]*(?:(?P<header>\[\[?[^\]\n#]{1,400}\]?\])|(?P<key>[^=\n#\[]{1,400})=)", re.MULTILINE
)
_PLACE: Final = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")
_MOST_PARTS: Final = re.compile(r"^[^=\n#]*(?:\.[^.=\n#]*){60}", re.MULTILINE)
_RETRIES: Final = 30


def read_toml(text: str) -> FormReading:
    """Read TOML.

    Args:
        text: the content of a file

    Returns:
        The options with their lines. From the statement with the first error on nothing is read, which a note says.

    """
    text = prepare(text)
    options = Options()
    found, text = _parse(text, options)
    places = _lines(text)
    for name, value in flatten("", found):
        if name:
            options.add(name, _plain(value), f"line {_line(name, places)}")
    return options.reading("toml")


def _parse(text: str, options: Options) -> tuple[dict[str, Any], str]:
    """Return the content of the longest readable beginning of the text, and that beginning."""
    if deep := _MOST_PARTS.search(text):
        options.note(f"line {Lines(text).at(deep.start())}: a name of more than 60 parts; the rest is not read")
        text = text[: deep.start()]
    begins: list[int] | None = None
    noted = False
    for _ in range(_RETRIES):
        try:
            return tomllib.loads(text), text
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            lines = Lines(text)
            stated = _PLACE.search(str(error))
            line = int(stated[1]) if stated and stated[1] else lines.at(max(0, len(text.rstrip()) - 1))
            if begins is None:
                begins = sorted({*(each.start() for each in _STATEMENT.finditer(text)), lines.begin(line)})
            while begins and (lines.at(begins[-1]) > line or begins[-1] >= len(text)):
                begins.pop()
            begin = begins.pop() if begins else 0
            if not noted:
                fact = _PLACE.sub("", str(error)).strip().lower() or "it is nested too deeply"
                begun = lines.at(begin)
                options.note(f"line {line}: not TOML ({fact}); mend it; nothing is read from line {begun} on")
            noted, text = True, text[:begin]
            if not text:
                break
    return {}, ""


def _lines(text: str) -> dict[str, int]:
    """Return the lines of the dotted names that begin statements."""
    lines, table = Lines(text), ""
    found: dict[str, int] = {}
    for statement in _STATEMENT.finditer(text):
        line = lines.at(statement.start("header" if statement["header"] else "key"))
        if statement["header"]:
            table = _name(statement["header"].strip("[] "))
            found.setdefault(table, line)
        else:
            found.setdefault(join(table, _name(statement["key"])), line)
    return found


def _name(written: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in written.split("."))


def _line(name: str, places: dict[str, int]) -> int:
    """Return the line of a name, or of the statement that holds it."""
    while name and name not in places:
        name = name.rpartition(".")[0]
    return places.get(name, 1)


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return {key: _plain(part) for key, part in value.items()} if isinstance(value, dict) else value
