r"""When two statements say the same: their tokens without typography, and the n-grams of tokens that they share.

Numbers are kept: with other numbers a problem is another problem. Drawings are left out, so that statements
that differ in nothing but a drawing say the same. ``$\dfrac{1}{2}\,A B$`` and ``\(1/2 AB\)`` have the same tokens.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import Final

N: Final = 4  # tokens in an n-gram

_DRAWING: Final = re.compile(r"\[asy\].*?(?:\[/asy\]|\Z)", re.DOTALL)
_THOUSANDS: Final = re.compile(r"(?<=\d)(?:,|\{,\}|,?\\!)(?=\d{3}(?!\d))")
_FRACTION: Final = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_SUPERSCRIPT: Final = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_TYPOGRAPHY: Final = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?|text[a-z]*|math(?:rm|bf|it|sf|tt)|mbox|operatorname|displaystyle|limits"
    r"|q?quad|[cl]?dots|boxed|emph|underline|label|item)(?![a-zA-Z])|\\(?:begin|end)\s*\{[^{}]*\}|\\[^a-zA-Z]"
)
_APOSTROPHE: Final = re.compile("['\u2018\u2019`\u00b4]")
_TOKEN: Final = re.compile(r"\\[a-z]+|\d+(?:\.\d+)?|[^\W\d_]+|[-+*/=<>^_|%#@]|[^\s\w.,;:!?(){}\[\]$~\\\"“”&-]")
_ALIKE: Final = {"\\leq": "\\le", "\\geq": "\\ge", "\\neq": "\\ne", "\\dfrac": "\\frac", "\\tfrac": "\\frac"}
_SIGNS: Final = str.maketrans(
    {
        "\u2212": "-",
        "\u2013": "-",
        "\u00d7": " \\times ",
        "\u00b7": " \\cdot ",
        "≤": " \\le ",
        "≥": " \\ge ",
        "≠": " \\ne ",
        "°": "^\\circ ",
        "π": " \\pi ",
        "θ": " \\theta ",
        "√": " \\sqrt ",
        "∠": " \\angle ",
    }
)


def tokens(statement: str) -> tuple[str, ...]:
    """Words, numbers, commands and signs in order; single letters that follow each other are one token."""
    return _joined(_TOKEN.findall(_plain(_DRAWING.sub(" ", statement))))


def wording(words: tuple[str, ...]) -> str:
    """Tokens in one string, equal for statements that say the same."""
    # White space is typography, but between two numbers it is what keeps them two.
    return re.sub(r"(?<!\d) | (?!\d)", "", " ".join(words))


def drawings(statement: str) -> str:
    """The drawings of a statement, without white space."""
    return "".join("".join(_DRAWING.findall(statement)).split()) if "[asy]" in statement else ""


def ngrams(words: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """The distinct n-grams of tokens; of fewer than `N` tokens, the one of all."""
    return frozenset(words[start : start + N] for start in range(max(1, len(words) - N + 1)))


def _plain(statement: str) -> str:
    text = _THOUSANDS.sub("", _APOSTROPHE.sub("", statement))
    text = _SUPERSCRIPT.sub(lambda found: "^" + unicodedata.normalize("NFKC", found[0]), text)
    text = _FRACTION.sub(r"\1/\2", _TYPOGRAPHY.sub(" ", text))
    return unicodedata.normalize("NFKC", text.translate(_SIGNS)).lower()


def _joined(found: list[str]) -> tuple[str, ...]:
    words: list[str] = []
    for single, group in groupby((_ALIKE.get(token, token) for token in found), _is_letter):
        run = list(group)
        words.extend(["".join(run)] if single else run)
    return tuple(words)


def _is_letter(token: str) -> bool:
    return len(token) == 1 and token.isalpha()
