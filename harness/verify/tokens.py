r"""Plain LaTeX as tokens. ``\text{...}`` becomes words; braces, brackets and commands stay."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from harness.verify.errors import Refused

MOST: Final = 3_000
DEEPEST: Final = 40
Kind = Literal["number", "letters", "word", "command", "sign"]

_TOKEN: Final = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+(?![\w.^]))?)"
    r"|(?P<text>\\text\s*\{)"
    r"|(?P<command>\\[A-Za-z]+|\\[{}|\\])"
    r"|(?P<word>[A-Za-z]*[^\x00-\x7f][A-Za-z\x80-\U0010ffff]*)"
    r"|(?P<letters>[A-Za-z]+)"
    r"|(?P<sign>[-+*/^_=<>()\[\]{}|!,;:&'])"
)
_OPENING: Final = {"(": ")", "[": "]", "{": "}", "\\{": "\\}", "\\langle": "\\rangle", "\\lfloor": "\\rfloor"}
OPENING: Final = {**_OPENING, "\\lceil": "\\rceil", "\\begin": "\\end"}
CLOSING: Final = frozenset((*OPENING.values(),))


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of an answer; ``text`` is what it reads as."""

    kind: Kind
    text: str
    spaced: bool = False  # whether space stands before it

    def is_(self, *texts: str) -> bool:
        """Whether it is one of these signs or commands."""
        return self.kind in ("sign", "command") and self.text in texts


Tokens = Sequence[Token]


def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of plain LaTeX. Raises Refused for what no answer holds."""
    found: list[Token] = []
    for token in _scan(text):
        found.append(token)
        if len(found) > MOST:
            raise Refused("too_long")
    return tuple(found)


def is_foreign(text: str) -> bool:
    """Tell whether a text is one word of letters and their marks, in any script."""
    return all(unicodedata.category(character)[0] in "LM" for character in text)


def split(parts: Tokens, *separators: str) -> list[Tokens]:
    """The parts between separators that stand outside all brackets; one part where there is none."""
    if not any(token.text in separators and token.is_(*separators) for token in parts):
        return [parts]
    ends = [at for at, token, depth in levels(parts) if depth == 0 and token.is_(*separators)]
    return [parts[start:end] for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(parts)], strict=True)]


def levels(parts: Tokens) -> Iterator[tuple[int, Token, int]]:
    """Position, token and the number of brackets around it; a bracket stands outside of itself.

    Any closing bracket closes any opening one: ``(3,4]`` is an interval. Raises Refused where they do not pair.
    """
    depth = 0
    for at, token in enumerate(parts):
        depth -= token.is_(*CLOSING)
        if depth < 0:
            raise Refused("unreadable")
        yield at, token, depth
        depth += token.is_(*OPENING)
        if depth > DEEPEST:
            raise Refused("too_deep")
    if depth:
        raise Refused("unreadable")


def whole(parts: Tokens) -> bool:
    """Whether the first token opens a bracket that the last one closes."""
    if len(parts) < 2 or not parts[0].is_(*OPENING) or not parts[-1].is_(*CLOSING):
        return False
    return all(depth > 0 or at in (0, len(parts) - 1) for at, _, depth in levels(parts))


def _scan(text: str) -> Iterator[Token]:
    at, spaced = 0, False
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Refused("unreadable")
        at = match.end()
        if match.lastgroup == "text":
            end = _closing(text, at)
            yield from _words(text[at:end])
            at = end + 1
        elif match.lastgroup != "space":
            if match.lastgroup == "word" and not is_foreign(match[0]):
                raise Refused("unreadable")
            yield Token(match.lastgroup, match[0], spaced)  # type: ignore[arg-type]  # the groups are the kinds
        spaced = match.lastgroup == "space"


def _closing(text: str, start: int) -> int:
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth < 0:
            return at
    raise Refused("unreadable")


def _words(text: str) -> Iterator[Token]:
    for token in _scan(text.replace(".", " ") if re.search(r"[A-Za-z]\.", text) else text):
        yield Token("word", token.text, True) if token.kind == "letters" else token
