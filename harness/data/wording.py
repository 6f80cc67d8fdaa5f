r"""Compare statements: tokens without typography, and the n-grams of tokens they share.

Numbers are kept, because other numbers make another problem. Drawings are left out of the tokens. ``$\dfrac{1}{2}\,A
B$`` and ``\(1/2 AB\)`` have the same tokens.
"""

import re
import unicodedata
from itertools import groupby
from typing import Final

NGRAM_SIZE: Final = 4  # tokens in an n-gram

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


def tokenize_statement(statement: str) -> tuple[str, ...]:
    """Return words, numbers, commands and signs in order; adjacent letters are joined."""
    return _joined(_TOKEN.findall(_plain(_DRAWING.sub(" ", statement))))


def join_tokens(words: tuple[str, ...]) -> str:
    """Join tokens in one string, which is equal for statements that say the same."""
    # White space is typography, except between two numbers, which it separates.
    return re.sub(r"(?<!\d) | (?!\d)", "", " ".join(words))


def drawings(statement: str) -> str:
    """Return the drawings of a statement, without white space."""
    return "".join("".join(_DRAWING.findall(statement)).split()) if "[asy]" in statement else ""


def ngrams(words: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """Return the distinct n-grams of tokens; fewer than `NGRAM_SIZE` tokens are one n-gram."""
    return frozenset(words[start : start + NGRAM_SIZE] for start in range(max(1, len(words) - NGRAM_SIZE + 1)))


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
