"""Judge plain pairs without a worker process."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from harness.verify.model import MOST_CHARACTERS
from harness.verify.parse import normalize_latex, to_ascii

if TYPE_CHECKING:
    from harness.verify.model import Gold

_DIGITS: Final = r"(?:[1-9]\d{0,2}(?:(?:,|\{,\}|\\,|,\\!)\d{3})+|\d{1,400})"
_NUMBER: Final = re.compile(
    rf"(?P<sign>[-+]?)\s*(?:(?P<whole>{_DIGITS})(?P<part>\.\d{{1,400}})?|(?P<point>\.\d{{1,400}})"
    rf"|\\[dt]?frac\{{(?P<over>-?\d{{1,400}})\}}\{{(?P<under>\d{{1,400}})\}}|(?P<left>\d{{1,400}})/(?P<right>\d{{1,400}}))"
)
_LOOSE_SPACE: Final = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
_TEXT: Final = re.compile(r"\\text\{([^{}]*)\}")
_FRACTION: Final = re.compile(r"\\frac\s*(?:(\d)|\{([^{}]*)\})\s*(?:(\d)|\{([^{}]*)\})")
_SCRIPT: Final = re.compile(r"([_^])\{(\w)\}(?!\w)")
_MODULUS: Final = re.compile(r"\\p?mod\s*(?:\{(\w+)\}|(\w+))")
_NAME: Final = re.compile(r"[A-Za-z](?:\([a-z]\))?=(?=[^=]+$)")


def judge_fast(gold: Gold, answer: str) -> tuple[bool, str] | None:
    """Judge an answer where plain text suffices; None where the answer must be parsed.

    The result is whether the answer is correct, and the reason.
    """
    wanted, given = parse_exact_number(gold.answer), parse_exact_number(answer)
    if wanted is not None and given is not None:
        allowed = Fraction(0) if gold.tolerance is None else Fraction(repr(gold.tolerance))
        right = abs(wanted - given) <= allowed
        return right, "same_number" if right else "different"
    return (True, "same_text") if normalize_spelling(gold.answer) == normalize_spelling(answer) else None


@lru_cache(maxsize=4_096)
def parse_exact_number(text: str) -> Fraction | None:
    """Return the number that a text is: an integer, decimal or fraction of integers.

    None is returned for any other text.
    """
    found = _NUMBER.fullmatch(to_ascii(text).strip().strip("$").strip())
    if found is None:
        return None
    over, under = found["over"] or found["left"], found["under"] or found["right"]
    if under is not None and int(under) == 0:
        return None
    whole = re.sub(r"\D", "", found["whole"] or "0")
    size = (
        Fraction(int(over), int(under))
        if under is not None
        else Fraction(whole + (found["part"] or found["point"] or ""))
    )
    return -size if found["sign"] == "-" else size


@lru_cache(maxsize=4_096)
def normalize_spelling(text: str) -> str:
    """Return the normal form of a text; texts with equal normal forms are equal answers."""
    text = _LOOSE_SPACE.sub("", _TEXT.sub(r" \1 ", normalize_latex(text)))
    text = _FRACTION.sub(lambda found: rf"\frac{{{found[1] or found[2]}}}{{{found[3] or found[4]}}}", text)
    text = _MODULUS.sub(r"\\pmod{\1\2}", text)
    return _SCRIPT.sub(r"\1\2", text)


def normalize_answer(answer: str) -> str | None:
    """Return the normal form of an answer, as results keep it; None if it is too long."""
    if len(answer) > MOST_CHARACTERS:
        return None
    text = _NAME.sub("", normalize_spelling(answer))
    size = parse_exact_number(text)
    return text if size is None else str(size)
