"""Read JSON, up to the first error where the text has one."""

import re
from json import JSONDecodeError, JSONDecoder
from typing import Any, Final

from tricks.forms.reading import DEEPEST, FormReading, Lines, Options, flatten, join, prepare, shorten

_SPACE: Final = re.compile(r"[ \t\n]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,399})(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![0-9A-Za-z_.])")
_WORDS: Final = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_DECODER: Final = JSONDecoder(strict=False)
_WORD: Final = re.compile(r"-?[A-Za-z]+")


class _StopError(Exception):
    """The text is no JSON from here."""

    def __init__(self, offset: int, fact: str) -> None:
        super().__init__(fact)
        self.offset, self.fact = offset, fact


def read_json(text: str) -> FormReading:
    """Read an object of JSON, or the first line of JSON lines.

    Args:
        text: the content of a file

    Returns:
        The options with their lines. From the first error on nothing is read, which a note says.

    """
    text = prepare(text)
    options, lines = Options(), Lines(text)
    scanner = _Scanner(text, options, lines)
    try:
        if (begin := scanner.skip(0)) == len(text):
            return options.reading("json")
        if text[begin] != "{":
            raise _StopError(begin, "expected an object in braces")
        end = scanner.skip(scanner.options("", begin, 0))
        if end < len(text) and text[end] == "{":
            options.note(f"line {lines.at(end)}: a second object begins; it is not read, give it as its own file")
        elif end < len(text):
            raise _StopError(end, "expected nothing after the object")
    except _StopError as stop:
        options.note(f"line {lines.at(stop.offset)}: not JSON from here ({stop.fact}); mend it; the rest is not read")
    return options.reading("json")


class _Scanner:
    """Read values at places of the text; options are added as soon as they are complete."""

    def __init__(self, text: str, options: Options, lines: Lines) -> None:
        self._text, self._options, self._lines = text, options, lines

    def skip(self, place: int) -> int:
        return _SPACE.match(self._text, place).end()  # type: ignore[union-attr]

    def options(self, name: str, place: int, depth: int) -> int:
        """Add the entries of the object at ``place`` as options; return the place after it."""
        seen: set[str] = set()
        place = self.skip(place + 1)
        if self._at(place) == "}":
            if name:
                self._options.add(name, {}, f"line {self._lines.at(place)}")
            return place + 1
        while True:
            line = self._lines.at(place)
            key, place = self._key(place)
            path = join(name, key)
            if self._at(place) == "{":
                self._note_repeated(path, key in seen, line)
                place = self.options(path, place, self._deeper(place, depth))
            else:
                value, place = self._value(place, depth)
                self._options.add(path, value, f"line {line}")
            seen.add(key)
            closing, place = self._separator(place, "}")
            if closing:
                return place

    def _note_repeated(self, path: str, repeated: bool, line: int) -> None:
        if repeated:
            self._options.note(
                f"line {line}: the block {path} is given a second time; readers keep the last; join them"
            )

    def _deeper(self, place: int, depth: int) -> int:
        if depth >= DEEPEST:
            raise _StopError(place, f"more than {DEEPEST} nested levels")
        return depth + 1

    def _key(self, place: int) -> tuple[str, int]:
        if self._at(place) != '"':
            raise _StopError(place, f"expected a name in double quotes, found {self._shown(place)}")
        key, place = self._string(place)
        place = self.skip(place)
        if self._at(place) != ":":
            raise _StopError(place, f"expected a colon after {shorten(key)}, found {self._shown(place)}")
        return key, self.skip(place + 1)

    def _value(self, place: int, depth: int) -> tuple[Any, int]:
        match self._at(place):
            case '"':
                return self._string(place)
            case "[":
                return self._list(place, self._deeper(place, depth))
            case "{":
                return self._object(place, self._deeper(place, depth))
            case _:
                return self._plain(place)

    def _list(self, place: int, depth: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        place = self.skip(place + 1)
        if self._at(place) == "]":
            return found, place + 1
        while True:
            value, place = self._value(place, depth)
            found.append(value)
            closing, place = self._separator(place, "]")
            if closing:
                return found, place

    def _object(self, place: int, depth: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        place = self.skip(place + 1)
        if self._at(place) == "}":
            return found, place + 1
        while True:
            key, place = self._key(place)
            found[key], place = self._value(place, depth)
            closing, place = self._separator(place, "}")
            if closing:
                return found, place

    def _separator(self, place: int, closing: str) -> tuple[bool, int]:
        """Return True at the closing bracket, and the place of what follows."""
        place = self.skip(place)
        if self._at(place) == closing:
            return True, place + 1
        if self._at(place) != ",":
            raise _StopError(place, f"expected a comma or {closing}, found {self._shown(place)}")
        after = self.skip(place + 1)
        if self._at(after) == closing:  # a comma too many is what people write, and its meaning is plain
            self._options.note(f"line {self._lines.at(place)}: JSON has no comma before {closing}; remove it")
            return True, after + 1
        return False, after

    def _string(self, place: int) -> tuple[str, int]:
        try:
            text, end = _DECODER.raw_decode(self._text, place)
            return str(text), end
        except JSONDecodeError as error:
            raise _StopError(place, error.msg.lower()) from None

    def _plain(self, place: int) -> tuple[Any, int]:
        found = _NUMBER.match(self._text, place)
        if found and found.end() == len(self._text):
            raise _StopError(place, "the text ends in a number")
        if found:
            return (float(found[0]) if set(found[0]) & set(".eE") else int(found[0])), found.end()
        word = _WORD.match(self._text, place)
        if word and word[0] in _WORDS:
            return _WORDS[word[0]], word.end()
        raise _StopError(place, f"expected a value, found {self._shown(place)}")

    def _at(self, place: int) -> str:
        return self._text[place : place + 1]

    def _shown(self, place: int) -> str:
        return shorten(self._text[place : place + 20].split("\n")[0]) if place < len(self._text) else "the end"


def read_object(value: dict[str, Any], options: Options, place: str) -> None:
    """Add the entries of a mapping as options that have one place."""
    for name, leaf in flatten("", value):
        options.add(name, leaf, place)
