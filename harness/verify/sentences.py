r"""Answers in words: ``\text{an ellipse}`` is ``\text{ellipse}``, with no subject either."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from harness.verify.markup import plain

_TEXT: Final = re.compile(r"\\(?:text|mbox)(?![A-Za-z])")
_BEFORE: Final = re.compile(
    r"(?:(?:it|this|the (?:answer|graph|curve|figure|shape|conic|result|day|month|person|winner|function|number))"
    r" (?:is|was) )?"
    r"(?:(?:on|in|during) )?(?:(?:an?|the) )?"
)
_SUBJECT: Final = re.compile(
    r"(?:(?:the )?(?:limit|series|integral|derivative|sum|sequence|value|solution)|it) (?=\w+ )"
)
_PREDICATES: Final = frozenset({"does not exist", "doesn't exist", "dne", "diverges", "converges", "is undefined"})
_SAME: Final = {"doesn't exist": "does not exist", "dne": "does not exist", "is undefined": "undefined"}


def letters(text: str) -> str:
    """Return the letters and digits of an answer alone, in lower case; a sign before them stays."""
    cleaned = plain(text)
    bare = "".join(character for character in _TEXT.sub("", cleaned) if _is_kept(character))
    return "-" * cleaned.startswith("-") + bare.casefold()


def same_words(gold: str, answer: str) -> bool:
    """Tell whether two answers in words are the same but for an article, a preposition or the subject of a sentence."""
    if letters(gold) == letters(answer):
        return True
    one, other = _said(gold), _said(answer)
    return len(one) > 2 and one == other


def _said(text: str) -> str:
    words = " ".join(re.sub(r"[{}$.!]", " ", _TEXT.sub(" ", plain(text))).casefold().split())
    subject = _SUBJECT.match(words)
    if subject is not None and words[subject.end() :] in _PREDICATES:
        words = words[subject.end() :]
    words = _SAME.get(words, words)
    before = _BEFORE.match(words)
    return words[before.end() :] if before is not None else words


def _is_kept(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"
