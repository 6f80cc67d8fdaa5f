"""One value with what stands around it: currency, unit, per cent, base; ratios and times of day."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from harness.verify.errors import Refused
from harness.verify.names import function
from harness.verify.numerals import changed, split_numerals
from harness.verify.scalars import scalar
from harness.verify.shapes import Ratio, Scalar, Shape
from harness.verify.tokens import Tokens, split
from harness.verify.tree import Number
from harness.verify.units import CENTS, CODES, CURRENCIES, DOLLARS, Unit, split_unit

_WORDS: Final = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_GROUP: Final = re.compile(r"\{((?:[^{}]|\{[^{}]*\})*)\}")
_BASED: Final = re.compile(
    r"(?P<sign>-?)\s*\(?(?P<digits>\d[0-9A-Z ]*)\)?"
    r"(?:_\s*\{?\s*\(?\s*(?:\\text\s*\{\s*)?(?P<base>\w+)\s*\}?\s*\)?\s*\}?"
    r"|\s*\(?\s*\\text\s*\{\s*\(?(?:in )?base[ -]*\}?\s*(?P<named>\w+)\s*\}?\)?\s*\}?)"
)


def based(text: str) -> Scalar | None:
    r"""Digits with a base, such as ``2516_8`` or ``1A_{16}``; None where plain text is nothing of the kind."""
    inner = _GROUP.fullmatch(text)
    found = _BASED.fullmatch(text if inner is None else inner[1].strip())
    if found is None:
        return None
    written = found["base"] or found["named"]
    base = _WORDS.get(written, int(written) if written.isdecimal() and len(written) < 3 else 0)
    digits = found["digits"].replace(" ", "")
    if not 2 <= base <= 36 or len(digits) > 1_000 or any(int(digit, 36) >= base for digit in digits):
        raise Refused("other_base")
    return Scalar(Number(Fraction(int(found["sign"] + digits, base))), base=base)


def ratio(parts: Tokens) -> Shape | None:
    """``3:4``, ``5:30 p.m.``; None where there is no colon."""
    pieces = split(parts, ":")
    if len(pieces) == 1:
        return None
    *_, last = pieces
    written = [token for token in last if token.kind not in ("word", "letters")]
    suffix = "".join(token.text for token in last if token.kind in ("word", "letters")).casefold()
    pieces[-1] = written if suffix in ("am", "pm") else last
    clock = all(len(piece) == 1 and piece[0].text.isdecimal() for piece in pieces) and len(pieces[-1][0].text) == 2
    return Ratio(tuple(scalar(piece) for piece in pieces), clock, suffix if pieces[-1] is written else "")


def single(parts: Tokens, *, loose: bool) -> Scalar:
    """One value. Raises Refused where the tokens are none."""
    parts = _without_label(parts)
    parts, currency = _currency(parts)
    parts, percent = _percent(parts)
    if any(token.is_("_") for token in parts) and (found := based("".join(token.text for token in parts))):
        return found
    parts, steps = split_numerals(parts, money=currency is not None)
    parts, unit = _degrees(parts)
    if unit is None:
        parts, unit = split_unit(parts, loose=loose)
    return Scalar(changed(scalar(parts), steps), currency if currency is not None else unit, percent)


def in_cents(whole: Shape, part: Shape) -> Scalar | None:
    """Read ``5 dollars`` and ``20 cents`` as one value; None where the two are nothing of the kind."""
    if not isinstance(whole, Scalar) or not isinstance(part, Scalar) or not whole.unit or not part.unit:
        return None
    small = CENTS.get(whole.unit[0][0])
    if len(whole.unit) > 1 or part.unit != ((small, 1),):
        return None
    match whole.tree, part.tree:
        case Number(large), Number(cents) if (
            large.denominator == cents.denominator == 1 and 0 <= cents < 100 <= 100 + large
        ):
            return Scalar(Number(large + cents / 100), whole.unit)
    return None


def _without_label(parts: Tokens) -> Tokens:
    r"""A value behind the letter of its option: ``\text{(C)} 25``."""
    if len(parts) < 4 or not (parts[0].is_("(") and parts[2].is_(")") and parts[1].kind == "word"):
        return parts
    value = not parts[3].is_("(") and any(token.kind == "number" for token in parts[3:])
    return parts[3:] if value and parts[1].text in "ABCDE" else parts


def _currency(parts: Tokens) -> tuple[Tokens, Unit | None]:
    if len(parts) > 1 and parts[0].text in CODES:
        return parts[1:], ((CODES[parts[0].text], 1),)
    sign = int(parts[0].is_("-", "+"))
    if len(parts) > sign + 2 and parts[sign].text in DOLLARS and parts[sign + 1].is_("\\dollar"):
        return (*parts[:sign], *parts[sign + 2 :]), ((DOLLARS[parts[sign].text], 1),)
    for at, token in enumerate(parts):
        if token.is_(*CURRENCIES) and (at == len(parts) - 1 or at == 0 or (at == 1 and parts[0].is_("-", "+"))):
            return (*parts[:at], *parts[at + 1 :]), ((CURRENCIES[token.text], 1),)
    return parts, None


def _degrees(parts: Tokens) -> tuple[Tokens, Unit | None]:
    """Degrees of an angle; those inside of a function stay."""
    if len(parts) > 1 and parts[-1].is_("\\degree") and not any(map(function, parts)):
        return parts[:-1], (("degree", 1),)
    return parts, None


def _percent(parts: Tokens) -> tuple[Tokens, bool]:
    if len(parts) > 1 and parts[-1].is_("\\percent"):
        return parts[:-1], True
    return parts, False
