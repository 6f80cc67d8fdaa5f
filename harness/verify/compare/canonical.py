"""Compute one key for all forms of a value, so that equal answers are one candidate.

The majority vote uses these keys.
"""

import hashlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, Final

from mpmath import mp

from harness.common import spell_value
from harness.verify.compare.equations import swap_symbols, to_zero_form
from harness.verify.model import (
    FLIPPED,
    MOST_CHARACTERS,
    Brackets,
    Chain,
    Congruence,
    Constant,
    Equation,
    Inequality,
    Listing,
    Matrix,
    Named,
    Number,
    Operation,
    Ratio,
    Refused,
    Region,
    Scalar,
    Shape,
    Span,
    Symbol,
    Text,
    Tree,
    Undefined,
    Value,
    collect_symbols,
    exact,
    is_infinite,
    normalize_region,
    sample_values,
    to_region,
)
from harness.verify.parse import normalize_latex, parse_answer, strip_label, strip_qualifiers

_DIGITS: Final = 40  # digits of an irrational value in a key; the verifier compares 45 or more
_WORKING: Final = 90
_LARGEST: Final = 10**12  # largest value that is tried as a fraction with a small denominator
_DENOMINATOR: Final = 10**6
_LONGEST: Final = 200  # maximum length of a key; a longer one is hashed
_FEWEST: Final = 3  # minimum number of points at which an expression must have a value
_ASCENDING: Final = ("<", "\\le", "\\ne")
_NOT_EQUAL: Final = "\\ne"
# Outcomes of finished runs contain these words, so they must not change when a class is renamed.
_IN_OUTCOMES: Final = {Number: "Number", Symbol: "Symbol", Constant: "Constant", Operation: "Operation"}


class _Keyless(Exception):  # noqa: N818  # not an error of the program
    """An answer was parsed but has no value, such as a false equation."""


def compute_canonical_key(text: str) -> str | None:
    """Return the key of an answer; None where it has no value.

    Raises MemoryError or RecursionError like the parser. Call it where these errors do no harm.
    """
    key = next((key for one in _readings(text) if (key := _value(one)) is not None), None)
    if key is None:
        return None
    if len(key) <= _LONGEST:
        return key
    return f"{key[:_DIGITS]}...#{hashlib.blake2b(key.encode(), digest_size=12).hexdigest()}"


def _readings(text: str) -> Iterator[str]:
    """Yield the forms of an answer: without idle qualifiers, as written, without a label.

    An idle qualifier restricts nothing. The label is that of an option.
    """
    qualified = strip_qualifiers(normalize_latex(text)) if len(text) <= MOST_CHARACTERS else None
    if qualified is not None:
        yield qualified.value
    yield text
    label = strip_label(text) if len(text) <= MOST_CHARACTERS else None
    if label is not None:
        yield label


def _value(text: str) -> str | None:
    try:
        return _key(_read(text))
    except (Refused, Undefined, _Keyless):
        return None


def _read(text: str) -> Shape:
    """Parse the shape of an answer.

    Letters after a number are a unit, unless they can be one symbol: ``5 cm`` is 5, and ``5m`` contains the symbol m.
    """
    found = parse_answer(text, loose=True)
    if not isinstance(found, Scalar) or found.unit is None:
        return found
    product = parse_answer(text, loose=False)
    return product if isinstance(product, Scalar) and len(collect_symbols(product.tree)) == 1 else found


def _key(shape: Shape) -> str:
    form = _FORMS.get(type(shape))
    if form is None:
        raise _Keyless
    return form(shape)


def _of_scalar(scalar: Scalar) -> str:
    tree = Operation("div", (scalar.tree, Number(Fraction(100)))) if scalar.percent else scalar.tree
    based = "" if scalar.base in (None, 10) else f"base {scalar.base}: "
    return based + _of_tree(tree)


def _of_tree(tree: Tree) -> str:
    if is_infinite(tree):
        return _of_infinity(tree)
    names = sorted(collect_symbols(tree))
    found = sample_values(tree)
    if sum(one is not None for one in found) < min(_FEWEST, len(found)):
        raise _Keyless
    written = [None if one is None else _of_number(one) for one in found]
    if len(found) == 1:
        return written[0] or ""
    return f"{','.join(names)}: {' '.join(one or '?' for one in written)}"


def _of_infinity(tree: Tree) -> str:
    """Return the key of plus or minus infinity, or of an expression that contains one."""
    negative = False
    while isinstance(tree, Operation) and tree.name == "neg":
        negative, tree = not negative, tree.operands[0]
    return "-" * negative + (spell_value(tree, _IN_OUTCOMES) if isinstance(tree, Operation) else "infinity")


def _of_number(value: Value) -> str:
    if isinstance(value, Fraction):
        return _of_fraction(value)
    with mp.workdps(_WORKING):
        real, imaginary = _of_real(mp.re(value)), _of_real(mp.im(value))
    return real if imaginary == "0" else f"{real}+{imaginary}i"


def _of_real(value: Value) -> str:
    """Return a fraction if the value equals one with a small denominator, else digits.

    ``sin 30`` is 1/2.
    """
    if abs(value) < _LARGEST:
        near = Fraction(int(mp.nint(value * mp.mpf(10) ** 50)), 10**50).limit_denominator(_DENOMINATOR)
        if abs(value - exact.to_real(near)) < mp.mpf(10) ** -_DIGITS:
            return str(near)
    return str(mp.nstr(value, _DIGITS))


def _of_fraction(value: Fraction) -> str:
    if exact.count_digits(value) < _LONGEST:
        return str(value)
    # Python refuses to write decimal numbers of more than 4,300 digits; hexadecimal also distinguishes them.
    return f"{value.numerator:x}/{value.denominator:x}"


def _of_list(listing: Listing) -> str:
    members = listing.members
    names = {member.name for member in members if isinstance(member, Named)}
    if len(names) > 1:
        return "; ".join(sorted(f"{m.name}={_key(m.value)}" if isinstance(m, Named) else _key(m) for m in members))
    keys = sorted(
        f"{{{_key(member)}}}" if isinstance(member, Listing) else _key(_unnamed(member)) for member in members
    )
    return keys[0] if len(keys) == 1 else f"{{{'; '.join(keys)}}}"


def _unnamed(shape: Shape) -> Shape:
    return shape.value if isinstance(shape, Named) else shape


def _of_brackets(brackets: Brackets) -> str:
    return f"{brackets.opening}{','.join(map(_key, brackets.members))}{brackets.closing}"


def _of_matrix(matrix: Matrix) -> str:
    """Return the key of a matrix; a column has the key of a tuple of its members."""
    rows = matrix.rows
    if all(len(row) == 1 for row in rows):
        return f"({','.join(_key(row[0]) for row in rows)})"
    return f"[{';'.join(','.join(map(_key, row)) for row in rows)}]"


def _of_equation(shape: Equation) -> str:
    """Return the key of an equation: solved for y if possible, else up to a factor.

    The key of ``m+n=5`` is that of its value.
    """
    if shape.quantity:
        return _key(shape.right)
    tree = to_zero_form(shape)
    if tree is None:
        raise _Keyless
    return _solved_for_y(tree) or _up_to_factor(tree)


def _of_named(named: Named) -> str:
    value, names = named.value, named.name.strip("()").split(",")
    if isinstance(value, Brackets) and len(names) == len(value.members) > 1:
        return "; ".join(sorted(f"{name}={_key(one)}" for name, one in zip(names, value.members, strict=True)))
    if named.variable and isinstance(value, Scalar):
        return _of_tree(swap_symbols(value.tree, named.variable, "x"))
    if all(len(side) > 1 and side.isalpha() and side.isupper() for side in (named.name, named.right)):
        return f"equal {' '.join(sorted((named.name, named.right)))}"
    return _key(value)


def _solved_for_y(tree: Tree) -> str | None:
    """Return the key of the right side if ``tree = 0`` is linear in y; otherwise None.

    The coefficients must be exact.
    """
    if "y" not in collect_symbols(tree):
        return None
    at = [_with(tree, "y", Number(Fraction(value))) for value in (0, 1, 2)]
    start, slope = at[0], _minus(at[1], at[0])
    if _of_tree(_minus(at[2], at[1])) != _of_tree(slope) or _of_tree(slope) == _of_tree(_minus(slope, slope)):
        return None
    return _of_tree(Operation("neg", (Operation("div", (start, slope)),)))


def _up_to_factor(tree: Tree, *, positive: bool = False) -> str:
    """Return the key of an expression divided by its first nonzero value.

    With ``positive``, divide by the absolute value.
    """
    found = sample_values(tree)
    first = next((one for one in found if one is not None and one != 0), None)
    if first is None:
        raise _Keyless
    unit = abs(first) if positive else first
    shares = ["?" if one is None else _of_number(exact.divide(one, unit)) for one in found]
    return f"{','.join(sorted(collect_symbols(tree)))}: 0 = {' '.join(shares)}"


def _of_chain(chain: Chain) -> str:
    """Return the key of a true chain; with a rough sign, the key of its first value.

    The other values are rounded forms of the first.
    """
    first = _key(chain.values[0])
    if not chain.rough and any(_key(value) != first for value in chain.values[1:]):
        raise _Keyless
    return first


def _of_ratio(ratio: Ratio) -> str:
    if ratio.suffix or (ratio.clock and len(ratio.parts) == 2):  # 5:30 is a time, and 1:6 is another one
        return f"{':'.join(map(_of_tree, ratio.parts))}{ratio.suffix}"
    if len(ratio.parts) == 2:
        return _of_tree(Operation("div", ratio.parts))
    return ":".join(_of_tree(Operation("div", (part, ratio.parts[0]))) for part in ratio.parts)


def _of_congruence(shape: Congruence) -> str:
    """Return the key of residue classes; numeric residues are reduced to 0 or more."""
    modulus = _number(shape.modulus)
    residues = [_number(residue) for residue in shape.residues]
    if modulus is None or modulus <= 0 or any(one is None for one in residues):
        keys = [_of_tree(residue) for residue in shape.residues]
        return f"{', '.join(sorted(set(keys)))} mod {_of_tree(shape.modulus)}"
    classes = sorted({one % modulus for one in residues if one is not None})
    return f"{', '.join(map(_of_fraction, classes))} mod {_of_fraction(modulus)}"


def _number(tree: Tree) -> Fraction | None:
    found = None if collect_symbols(tree) else sample_values(tree)
    return found[0] if found and isinstance(found[0], Fraction) else None


def _of_region(shape: Region | Inequality) -> str:
    found = to_region(shape)
    if found is not None:
        spans = normalize_region(found)
        if spans and all(span.low == span.high for span in spans):
            return _of_list(Listing(tuple(Scalar(span.low) for span in spans)))
        return " U ".join(map(_of_span, spans)) or "{}"
    if isinstance(shape, Region):
        raise _Keyless
    return _of_inequality(shape)


def _of_span(span: Span) -> str:
    low, high = _of_tree(span.low), _of_tree(span.high)
    return f"{'[' if span.low_closed else '('}{low},{high}{']' if span.high_closed else ')'}"


def _of_inequality(shape: Inequality) -> str:
    sides, signs = shape.sides, shape.signs
    if signs[0] not in _ASCENDING:
        sides, signs = sides[::-1], tuple(FLIPPED[sign] for sign in reversed(signs))
    if len(signs) == 1:
        return f"{signs[0]} {_up_to_factor(_minus(*sides), positive=signs != (_NOT_EQUAL,))}"
    return f"{' '.join(signs)} {' | '.join(map(_of_tree, sides))}"


def _with(tree: Tree, name: str, value: Tree) -> Tree:
    """Return the tree with a value in place of a symbol."""
    if isinstance(tree, Symbol):
        return value if tree.name == name else tree
    if isinstance(tree, Operation):
        return Operation(tree.name, tuple(_with(operand, name, value) for operand in tree.operands))
    return tree


def _minus(left: Tree, right: Tree) -> Tree:
    return Operation("add", (left, Operation("neg", (right,))))


_FORMS: Final[dict[type, Callable[[Any], str]]] = {
    Text: lambda text: f"text {text.letters}",
    Scalar: _of_scalar,
    Listing: _of_list,
    Brackets: _of_brackets,
    Matrix: _of_matrix,
    Named: _of_named,
    Equation: _of_equation,
    Chain: _of_chain,
    Ratio: _of_ratio,
    Congruence: _of_congruence,
    Region: _of_region,
    Inequality: _of_region,
}
