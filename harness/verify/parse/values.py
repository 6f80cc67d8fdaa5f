"""Parse a value with its currency, percent sign or base, and parse matrices."""

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Final

from harness.verify.model import Matrix, Number, Operation, Ratio, Refused, Scalar, Shape, Tree, Unit
from harness.verify.parse.cursor import find_function_name
from harness.verify.parse.expressions import parse_scalar
from harness.verify.parse.numerals import apply_steps, split_numerals
from harness.verify.parse.tokenizer import Tokens, split_tokens
from harness.verify.parse.units import CENTS, CODES, CURRENCIES, DOLLARS, split_unit

MOST_CELLS: Final = 400
_MATRICES: Final = ("pmatrix", "bmatrix", "matrix", "Bmatrix", "smallmatrix", "array")


def parse_matrix(parts: Tokens, read: Callable[[Tokens], Shape]) -> Shape | None:
    r"""Parse a matrix, with a factor if any; None for other tokens. ``read`` parses a cell.

    Raises Refused where the matrix is too large or a cell is invalid.
    """
    begins = [at for at, token in enumerate(parts) if token.is_("\\begin")]
    if len(begins) != 1 or len(parts) < begins[0] + 9 or not parts[-4].is_("\\end"):
        return None
    factor, body = parts[: begins[0]], parts[begins[0] + 2 : -4]
    if body[0].text not in _MATRICES:
        return None
    rows = [row for row in split_tokens(_cells(body), "\\\\") if row]
    cells = [split_tokens(row, "&") for row in rows]
    if sum(map(len, cells)) > MOST_CELLS:
        raise Refused("too_long")
    found = Matrix(tuple(tuple(map(read, row)) for row in cells))
    return scale_matrix(found, _factor(factor)) if factor else found


def _cells(body: Tokens) -> Tokens:
    """Return the tokens between the start of the environment and its end.

    The name of the environment and its columns are left out.
    """
    start = 2
    if body[0].text == "array" and body[2].is_("{"):
        start += 1 + next(at for at, token in enumerate(body[2:]) if token.is_("}"))
    return [token for token in body[start:] if not token.is_("\\hline")]


def _factor(parts: Tokens) -> Tree:
    """Parse the factor before a matrix, which may be only a sign."""
    if len(parts) == 1 and parts[0].is_("-", "+"):
        return Number(Fraction(-1 if parts[0].is_("-") else 1))
    return parse_scalar(parts[:-1] if parts[-1].is_("*") else parts)


def scale_matrix(whole: Matrix, factor: Tree) -> Matrix:
    """Multiply every cell of a matrix. Raises Refused where a cell is not a value."""
    return Matrix(tuple(tuple(_multiplied(cell, factor) for cell in row) for row in whole.rows))


def _multiplied(cell: Shape, factor: Tree) -> Shape:
    if not isinstance(cell, Scalar):
        raise Refused("unreadable")
    return replace(cell, tree=Operation("mul", (factor, cell.tree)))


_WORDS: Final = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_GROUP: Final = re.compile(r"\{((?:[^{}]|\{[^{}]*\})*)\}")
_BASED: Final = re.compile(
    r"(?P<sign>-?)\s*\(?(?P<digits>\d[0-9A-Z ]*)\)?"
    r"(?:_\s*\{?\s*\(?\s*(?:\\text\s*\{\s*)?(?P<base>\w+)\s*\}?\s*\)?\s*\}?"
    r"|\s*\(?\s*\\text\s*\{\s*\(?(?:in )?base[ -]*\}?\s*(?P<named>\w+)\s*\}?\)?\s*\}?)"
)


def parse_based(text: str) -> Scalar | None:
    r"""Parse digits with a base, such as ``2516_8`` or ``1A_{16}``; None for other text.

    Raises Refused where the base or a digit is invalid.
    """
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


def parse_ratio(parts: Tokens) -> Shape | None:
    """Parse ``3:4`` or ``5:30 p.m.``; None without a colon."""
    pieces = split_tokens(parts, ":")
    if len(pieces) == 1:
        return None
    *_, last = pieces
    written = [token for token in last if token.kind not in ("word", "letters")]
    suffix = "".join(token.text for token in last if token.kind in ("word", "letters")).casefold()
    pieces[-1] = written if suffix in ("am", "pm") else last
    clock = all(len(piece) == 1 and piece[0].text.isdecimal() for piece in pieces) and len(pieces[-1][0].text) == 2
    return Ratio(tuple(parse_scalar(piece) for piece in pieces), clock, suffix if pieces[-1] is written else "")


def parse_single(parts: Tokens, *, loose: bool) -> Scalar:
    """Parse one value. Raises Refused where the tokens are not one.

    With ``loose``, letters that can be a product can also be a unit.
    """
    parts = _without_label(parts)
    parts, currency = _currency(parts)
    parts, percent = _percent(parts)
    if any(token.is_("_") for token in parts) and (found := parse_based("".join(token.text for token in parts))):
        return found
    parts, steps = split_numerals(parts, money=currency is not None)
    parts, unit = _degrees(parts)
    if unit is None:
        parts, unit = split_unit(parts, loose=loose)
    return Scalar(apply_steps(parse_scalar(parts), steps), currency if currency is not None else unit, percent)


def combine_cents(whole: Shape, part: Shape) -> Scalar | None:
    """Combine ``5 dollars`` and ``20 cents`` into one value; None for other pairs."""
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
    r"""Return the value after the letter of an option: ``\text{(C)} 25``."""
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
    """Split off the degrees of an angle, except with a function such as ``sin``."""
    if len(parts) > 1 and parts[-1].is_("\\degree") and not any(map(find_function_name, parts)):
        return parts[:-1], (("degree", 1),)
    return parts, None


def _percent(parts: Tokens) -> tuple[Tokens, bool]:
    if len(parts) > 1 and parts[-1].is_("\\percent"):
        return parts[:-1], True
    return parts, False
