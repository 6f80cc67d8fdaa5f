"""Plain values from written words, by the rules of YAML, of Hydra and of command lines."""

import json
import re
from typing import Any, Final

from tricks.forms.reading import DEEPEST

_YAML_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")
_YAML_BASES: Final = (
    (re.compile(r"([-+]?)0b([01_]+)"), 2),
    (re.compile(r"([-+]?)0x([0-9a-fA-F_]+)"), 16),
    (re.compile(r"([-+]?)0o?([0-7_]+)"), 8),
)
_FLOAT: Final = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
)
_INFINITE: Final = re.compile(r"([-+]?)\.?inf(?:inity)?", re.IGNORECASE)
_NAN: Final = re.compile(r"\.?nan", re.IGNORECASE)
_YAML_WORDS: Final = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
    **dict.fromkeys(("null", "~", ""), None),
}
_LONGEST_NUMBER: Final = 400  # digits; Python refuses integers of more than 4300


def read_yaml_word(text: str) -> Any:
    """Return the value of a plain scalar of YAML 1.1; 1e-6 is a number, dates stay text."""
    if (text in _YAML_WORDS or text.istitle() or text.isupper()) and text.lower() in _YAML_WORDS:
        return _YAML_WORDS[text.lower()]
    if not text or text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    for pattern, base in _YAML_BASES:
        if (found := pattern.fullmatch(text)) and (digits := found[2].replace("_", "")):
            return int(found[1] + digits, base)
    if text[0] == "." or text[1:2] == ".":
        if found := _INFINITE.fullmatch(text):
            return float(f"{found[1]}inf")
        if _NAN.fullmatch(text):
            return float("nan")
    return _number(text)


def read_word(text: str) -> Any:
    """Return the value of one word of a command line: a number, true or false, JSON, or text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if found := _INFINITE.fullmatch(text):
        return float(f"{found[1]}inf")
    if text[:1] in ("{", "["):
        found_list, whole = read_bracketed(text)
        return found_list if whole else text
    return _number(text)


def read_hydra_word(text: str) -> Any:
    """Return the value of an unquoted word of a Hydra override."""
    if text.lower() == "null":
        return None
    if _NAN.fullmatch(text):
        return float("nan")
    return text if text[:1] in ("{", "[") else read_word(text)


def _number(text: str) -> Any:
    if not text or text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    plain = text.replace("_", "")
    if _YAML_INTEGER.fullmatch(text):
        return int(plain)
    return float(plain) if _FLOAT.fullmatch(text) else text


def read_bracketed(text: str) -> tuple[Any, bool]:
    """Return a list or mapping in JSON or in the form of Hydra, and True, or the text and False."""
    try:
        return json.loads(text), True
    except (ValueError, RecursionError):
        reader = _Brackets(text)
        return reader.read()


def split_quoted(text: str) -> tuple[Any, bool]:
    """Return the content of a quoted text and True, or the text and False."""
    quote = text[:1]
    if len(text) < 2 or quote not in ("'", '"') or text[-1] != quote:
        return text, False
    inside = text[1:-1]
    if quote in inside.replace("\\\\", "").replace(f"\\{quote}", ""):
        return text, False
    return inside.replace(f"\\{quote}", quote).replace("\\\\", "\\"), True


class _FormError(Exception):
    """The text is no list or mapping in Hydra's form."""


class _Brackets:
    """Read lists and mappings in the form of Hydra: ``[a, 'b c', {x: 1}]``."""

    _WORD: Final = re.compile(r"(?:\\.|\$\{[^{}]*\}|[^\\,\[\]{}:'\"])(?:\\.|\$\{[^{}]*\}|[^\\,\[\]{}])*", re.DOTALL)
    _KEY: Final = re.compile(r"[^\\,\[\]{}:'\"]+")
    _QUOTED: Final = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
    _SPACE: Final = re.compile(r"\s*")

    def __init__(self, text: str) -> None:
        self._text, self._place = text, 0

    def read(self) -> tuple[Any, bool]:
        try:
            found = self._value(0)
            self._skip()
        except _FormError:
            return self._text, False
        return (found, True) if self._place == len(self._text) else (self._text, False)

    def _skip(self) -> str:
        self._place = self._SPACE.match(self._text, self._place).end()  # type: ignore[union-attr]
        return self._text[self._place : self._place + 1]

    def _value(self, depth: int) -> Any:
        if depth > DEEPEST:
            raise _FormError
        match self._skip():
            case "[":
                return self._list(depth)
            case "{":
                return self._mapping(depth)
            case "'" | '"':
                return split_quoted(self._take(self._QUOTED))[0]
            case _:
                return read_hydra_word(self._take(self._WORD).strip())

    def _list(self, depth: int) -> list[Any]:
        found: list[Any] = []
        self._place += 1
        if self._skip() == "]":
            self._place += 1
            return found
        while True:
            found.append(self._value(depth + 1))
            if self._end("]"):
                return found

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._place += 1
        if self._skip() == "}":
            self._place += 1
            return found
        while True:
            quoted = self._skip() in ("'", '"')
            key = split_quoted(self._take(self._QUOTED))[0] if quoted else self._take(self._KEY).strip()
            if self._skip() != ":":
                raise _FormError
            self._place += 1
            found[key] = self._value(depth + 1)
            if self._end("}"):
                return found

    def _end(self, closing: str) -> bool:
        character = self._skip()
        if character not in (",", closing):
            raise _FormError
        self._place += 1
        return character == closing

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._place)
        if not found:
            raise _FormError
        self._place = found.end()
        return found[0]
