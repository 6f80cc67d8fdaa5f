r"""Letters of options: ``\textbf{(E) } 5`` chooses E, and is 5 where the gold is a value."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from harness.verify.markup import plain

_WORDS: Final = re.compile(r"\\text\s*\{([^{}]*)\}")
_BRACED: Final = re.compile(r"^\s*\{\s*(\(?[A-H]\)?)\s*\}")
_OPTION: Final = re.compile(r"\(?\s*([A-H])\s*\)?")
_LEAD: Final = (
    r"(?:the\s+)?(?:(?:correct|right|final|best)\s+)?"
    r"(?:(?:option|choice|statement|answer(?:\s+choice)?|letter|alternative|graph|figure|diagram)(?:\s+is)?\s*:?\s*)?"
)
_CHOSEN: Final = re.compile(
    rf"{_LEAD}(?:\(\s*(?P<round>[A-Ha-h])\s*\)|\[\s*(?P<square>[A-H])\s*\]|(?-i:(?P<bare>[A-H])))(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
# What may follow a bare letter: nothing, a closing bracket, a colon, a full stop, a reason, an explanation in brackets.
_BEHIND_BARE: Final = re.compile(
    r"\s*$|\s*[):]|\.\s|\s*,\s*(?:because|since|as|which)\b|\s+\([^()]*[a-z]{3,}", re.IGNORECASE
)
_OPERATOR: Final = re.compile(r"\s*(?:[-+*/^_=<>'!|&,;]|(?:or|and)\b|\\(?:lor|land|cup|cap|cdot|times))", re.IGNORECASE)
_OTHER: Final = re.compile(
    r"(?<![A-Za-z\\])(?P<not>not\s+)?(?:(?P<bare>[A-H])|\(\s*(?P<round>[a-hA-H])\s*\))(?![A-Za-z])"
)
_NOT_ANOTHER: Final = re.compile(r"^\s*,\s*(?=not\s)")
_DENIED: Final = re.compile(
    r"^\s*is\s+(?:not|false|untrue)\b|\bis\s+not\b|\bisn't\b|\bnot\s+(?:correct|right|true|it|the|sure)\b|\b(?:wrong|incorrect|eliminated|rejected)\b"
    r"|\b(?:maybe|perhaps|probably|possibly|guess|wait|instead|unless|either)\b|^\W*not\W*$",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(
    r"(?P<text>\\text\s*\{)?\s*(?:(?i:option|choice)\s+)?(?:\((?P<round>[A-H])\)|(?P<half>[A-H])\)|(?P<bare>[A-H])\s*[:.](?!\d))(?P<gap>\s*)"
    r"(?P<end>\})?(?P<after>\s*)(?P<value>\S.*)",
    re.DOTALL,
)


@lru_cache(maxsize=4_096)
def option(gold: str) -> str | None:
    r"""Return the letter that a gold such as ``\text{(E)}`` or ``E`` is; None for another gold."""
    found = _OPTION.fullmatch(_WORDS.sub(r" \1 ", plain(gold)).strip())
    return None if found is None else found[1]


def chosen(answer: str) -> str | None:
    """Return the one option that an answer chooses, whatever text stands behind it; None where that is not plain."""
    words = _BRACED.sub(r"\1", _WORDS.sub(r" \1 ", plain(answer)))
    found = _CHOSEN.fullmatch(" ".join(words.split()))
    if found is None:
        return None
    letter = (found["round"] or found["square"] or found["bare"]).upper()
    rest = found["rest"]
    if found["bare"]:
        behind = _BEHIND_BARE.match(rest)
        if behind is None:
            return None
        rest = rest[1:] if rest.lstrip()[:1] in (")", ":") else rest
        rest = "" if rest.lstrip()[:1] == "," and _OTHER.search(rest) is None else rest
    if rest[:1].isalpha():
        return None
    rest = _NOT_ANOTHER.sub("", rest)
    if _OPERATOR.match(rest) or _DENIED.search(rest):
        return None
    others = {(other["bare"] or other["round"]).upper() for other in _OTHER.finditer(rest) if not other["not"]}
    return letter if others <= {letter} else None


def without_label(answer: str) -> str | None:
    r"""Return the value behind the letter of an option, ``5`` of ``\text{B) } 5``; None without such a letter."""
    found = _LABEL.fullmatch(plain(answer))
    if found is None or (found["end"] and not found["text"]):
        return None
    value = found["value"]
    if value[0] in "+*/^_=<>'!|,;" or (value[0] in "(-" and not found["gap"] + found["after"]) or _LABEL.match(value):
        return None
    return rf"\text{{{value}" if found["text"] and not found["end"] else value
