r"""The kind of a gold answer, and whether it can be guessed or cannot be read at all.

The kinds describe a tier. The verifier does not use them.
"""

import re
from typing import Final

GUESSABLE: Final = ("boolean", "option letter")

_WRAPPER: Final = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_SPACING: Final = re.compile(r"\\[,;:! ]|\\(?:left|right)(?![a-zA-Z])|~")
_NUMBER: Final = r"[-+]?(?:\d+|\d{1,3}(?:(?:,|\{,\})\d{3})+)"
_BRACKETED: Final = re.compile(r"([\[(])(.*)([\])])", re.DOTALL)

_SIMPLE: Final = (
    ("boolean", re.compile(r"true|false|yes|no", re.IGNORECASE)),
    ("option letter", re.compile(r"\(?[A-F]\)?")),
    ("integer", re.compile(_NUMBER)),
    ("decimal", re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d*)\.\d+")),
    ("fraction", re.compile(r"[-+]?\\[dt]?frac\s*(?:\{-?\d+\}|\d)\s*(?:\{-?\d+\}|\d)|[-+]?\d+\s*/\s*\d+")),
)


def classify_answer(answer: str) -> str:
    """Return the kind of an answer.

    It is integer, decimal, fraction, expression, tuple, interval, list, text, boolean or option letter.
    """
    bare = _bare(answer)
    for name, pattern in _SIMPLE:
        if pattern.fullmatch(bare):
            return name
    if _is_text(answer):
        return "text"
    return _shape(bare)


def is_guessable(answer: str) -> bool:
    """Return whether a guess is often correct: true or false, yes or no, an option letter."""
    return classify_answer(answer) in GUESSABLE


def is_empty(answer: str) -> bool:
    """Return whether an answer holds nothing but white space and dollar signs."""
    return not _bare(answer)


def find_answer_fault(answer: str) -> str | None:
    """Return why no verifier can read an answer; None if it may be readable."""
    braces = 0
    for sign in re.findall(r"\\.|[{}]", answer, re.DOTALL):
        braces += {"{": 1, "}": -1}.get(sign, 0)
        if braces < 0:
            return "a brace closes that was never opened"
    if braces:
        return "a brace is never closed"
    if len(re.findall(r"\\left(?![a-zA-Z])", answer)) != len(re.findall(r"\\right(?![a-zA-Z])", answer)):
        return r"\left and \right do not pair"
    return "there is no sign of an answer in it" if not re.search(r"\w|\\[a-zA-Z]|[∞∅]", _bare(answer)) else None


def _bare(answer: str) -> str:
    text = _SPACING.sub(" ", _WRAPPER.sub(r"\1", answer)).replace("\\$", "").replace("$", "")
    return text.strip().rstrip(".").strip()


def _is_text(answer: str) -> bool:
    """Return whether an answer consists of words: letters without digits or mathematics."""
    bare = _bare(answer)
    worded = _WRAPPER.search(answer) is not None or " " in bare or len(bare) > 3
    return worded and re.fullmatch(r"[A-Za-z][A-Za-z\s,.'-]*[A-Za-z]", bare) is not None


def _shape(bare: str) -> str:
    bracketed = _BRACKETED.fullmatch(bare)
    if bracketed and _closes_at_end(bare):
        opening, inner, closing = bracketed.groups()
        parts = _parts(inner)
        if len(parts) == 2 and (opening + closing not in ("()", "[]") or "\\infty" in inner or opening == "["):
            return "interval"
        return "tuple" if len(parts) > 1 else "expression"
    if "\\cup" in bare and re.search(r"[\])]\s*\\cup", bare):
        return "interval"
    listed = (bare.startswith("\\{") and bare.endswith("\\}")) or len(_parts(bare)) > 1
    return "list" if listed else "expression"


def _closes_at_end(bare: str) -> bool:
    """Return whether the bracket that opens a text closes at its end."""
    depth = 0
    for place, sign in enumerate(bare):
        depth += (sign in "([") - (sign in ")]")
        if depth == 0:
            return place == len(bare) - 1
    return False


def _parts(text: str) -> list[str]:
    """Split a text at the commas outside brackets; ignore thousands separators."""
    parts, depth = [""], 0
    for character in re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
