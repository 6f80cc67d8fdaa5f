"""Arithmetic of a shell, ``$((8 * n + 1))``, on whole numbers."""

import re
from collections.abc import Callable
from typing import Final

from tricks.forms.reading import DEEPEST

_TOKEN: Final = re.compile(r"\s*(?:(0[xX][0-9a-fA-F]+|[0-9]{1,30}|[A-Za-z_]\w*)|(\*\*|&&|\|\||[<>=!]=|[-+*/%()<>!?:]))")
_LARGEST: Final = 2**63
_LEVELS: Final = (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"), ("**",))


class _UnknownError(Exception):
    """The text is no arithmetic of known whole numbers."""


def compute(text: str, name: Callable[[str], int | None]) -> int | None:
    """Return the value of an expression, or None where a part is not known.

    Args:
        text: the expression, with $ before no name
        name: gives the value of a variable, None where it is not known

    """
    tokens: list[str] = []
    place = 0
    text = text.strip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if not found or len(tokens) > 200:
            return None
        tokens.append(found[1] or found[2])
        place = found.end()
    try:
        reader = _Reader(tokens, name)
        value = reader.choice(0)
    except _UnknownError:
        return None
    return value if not reader.tokens else None


class _Reader:
    def __init__(self, tokens: list[str], name: Callable[[str], int | None]) -> None:
        self.tokens, self._name = tokens[::-1], name

    def _take(self, *wanted: str) -> str:
        return self.tokens.pop() if self.tokens and self.tokens[-1] in wanted else ""

    def choice(self, depth: int) -> int:
        condition = self._level(0, depth)
        if not self._take("?"):
            return condition
        one = self.choice(depth + 1)
        if depth > DEEPEST or not self._take(":"):
            raise _UnknownError
        other = self.choice(depth + 1)
        return one if condition else other

    def _level(self, level: int, depth: int) -> int:
        if level == len(_LEVELS):
            return self._unit(depth)
        value = self._level(level + 1, depth)
        while sign := self._take(*_LEVELS[level]):
            value = _apply(sign, value, self._level(level + 1, depth))
        return value

    def _unit(self, depth: int) -> int:
        if depth > DEEPEST or not self.tokens:
            raise _UnknownError
        token = self.tokens.pop()
        if token == "(":
            value = self.choice(depth + 1)
            if not self._take(")"):
                raise _UnknownError
            return value
        if token in ("-", "+", "!"):
            value = self._unit(depth + 1)
            return {"-": -value, "+": value, "!": int(not value)}[token]
        if token[0].isdigit():
            octal = token[0] == "0" and token.isdigit() and len(token) > 1
            if octal and set(token) & set("89"):
                raise _UnknownError
            return int(token, 8 if octal else 0)
        known = self._name(token) if token[0].isalpha() or token[0] == "_" else None
        if known is None:
            raise _UnknownError
        return known


def _apply(sign: str, one: int, other: int) -> int:
    if max(abs(one), abs(other)) >= _LARGEST or (sign in "/%" and other == 0):
        raise _UnknownError
    if sign == "**":
        if not 0 <= other < 64:
            raise _UnknownError
        return int(one**other)
    if sign in ("/", "%"):  # toward zero, as C does
        quotient = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
        return quotient if sign == "/" else one - quotient * other
    plain = {"+": one + other, "-": one - other, "*": one * other, "&&": bool(one and other), "||": bool(one or other)}
    compared = {"==": one == other, "!=": one != other, "<": one < other, ">": one > other}
    return int((plain | compared | {"<=": one <= other, ">=": one >= other})[sign])
