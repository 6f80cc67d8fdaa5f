"""Compare an answer with the gold answer, shape by shape."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from harness.verify.compare.equations import (
    find_equation_difference,
    is_same_half_plane,
    is_same_name,
    is_same_sides,
    swap_symbols,
)
from harness.verify.model import (
    Brackets,
    Chain,
    Congruence,
    Equation,
    Inequality,
    Listing,
    Matrix,
    Named,
    Number,
    Operation,
    Ratio,
    Region,
    Scalar,
    Shape,
    Text,
    Undefined,
    collect_symbols,
    is_equal,
    is_same_region,
    to_region,
    walk_nodes,
)
from harness.verify.parse import find_class_difference, is_least

_EQUAL: Final = None


def find_answer_difference(gold: Shape, answer: Shape, tolerance: float | None = None) -> str | None:
    """Return why the answer is incorrect, as a key of REASONS; None where it is correct.

    Args:
        gold: The shape of the gold answer.
        answer: The shape of the answer.
        tolerance: Largest absolute difference that counts as equal; None means exact.

    Returns:
        A key of REASONS, or None.

    Raises:
        Refused: A number is too large for an answer.

    """
    if isinstance(gold, Congruence):
        return find_class_difference(gold, answer)
    if isinstance(gold, Brackets | Matrix) and isinstance(answer, Listing):
        answer = _by_letter(answer, gold) or answer
    if isinstance(gold, Named) and isinstance(answer, Named) and (turned := _unpacked_both(gold, answer)) is not None:
        gold, answer = turned
    if isinstance(gold, Named) and isinstance(answer, Listing):
        gold = _unpacked(gold)
    if isinstance(gold, Listing) and isinstance(answer, Named):
        answer = _unpacked(answer)
    if isinstance(gold, Named | Equation):
        return _of_equation(gold, answer, tolerance)
    if isinstance(answer, Named | Equation):
        return _behind_name(gold, answer, tolerance)
    if isinstance(answer, Chain) and not isinstance(gold, Chain):
        return _of_chain(gold, answer, tolerance)
    if isinstance(answer, Listing) and len(answer.members) == 1 and not isinstance(gold, Listing | Region | Inequality):
        return find_answer_difference(gold, answer.members[0], tolerance)
    return _of_kind(gold, answer, tolerance)


def _of_kind(gold: Shape, answer: Shape, tolerance: float | None) -> str | None:
    match gold, answer:
        case Scalar(), Scalar():
            return _of_scalars(gold, answer, tolerance)
        case Text(), Text():
            return _EQUAL if gold.letters == answer.letters else "different"
        case Chain(), Chain():
            return _in_order(gold.values, answer.values, tolerance)
        case Listing(), _:
            return _of_lists(gold, answer, tolerance)
        case Ratio(), _:
            return _of_ratios(gold, answer, tolerance)
    return _of_tuples(gold, answer, tolerance)


def _of_tuples(gold: Shape, answer: Shape, tolerance: float | None) -> str | None:
    match gold, answer:
        case Brackets(), Brackets():
            same = (gold.opening, gold.closing) == (answer.opening, answer.closing)
            return _in_order(gold.members, answer.members, tolerance) if same else "other_form"
        case Matrix(), Matrix():
            return _in_order(_rows(gold), _rows(answer), tolerance)
        case (Matrix(), Brackets("(", ")")) | (Brackets("(", ")"), Matrix()):
            return _in_order(_column(gold), _column(answer), tolerance)
        case Scalar(), Congruence(None, (residue,), modulus) if is_least(residue, modulus):
            return _of_scalars(gold, Scalar(residue), tolerance)
    return _of_regions(gold, answer)


def _of_scalars(gold: Scalar, answer: Scalar, tolerance: float | None) -> str | None:
    if (
        gold.base is not None
        and answer.base is None
        and not answer.percent
        and answer.unit is None
        and _same_digits(gold, answer)
    ):
        return _EQUAL
    if answer.base != gold.base and (gold.base is not None or answer.base != 10):
        return "other_base"
    if _in_other_unit(gold, answer):
        return "other_unit"
    if not collect_symbols(answer.tree) <= collect_symbols(gold.tree):
        return "stray_symbol"
    if is_equal(gold.tree, answer.tree, tolerance):
        return _EQUAL
    share = Operation("div", (gold.tree, Number(Fraction(100))))
    return _EQUAL if gold.percent and not answer.percent and is_equal(share, answer.tree) else "different"


def _same_digits(gold: Scalar, answer: Scalar) -> bool:
    """Return whether an answer without a base has the digits of the gold answer.

    The question states the base, so the answer may omit it.
    """
    negated = isinstance(answer.tree, Operation) and answer.tree.name == "neg"
    given = answer.tree.operands[0] if negated and isinstance(answer.tree, Operation) else answer.tree
    wanted = gold.tree.value if isinstance(gold.tree, Number) else Fraction(1, 2)
    if not isinstance(given, Number) or wanted.denominator != 1 or negated != (wanted < 0) or gold.base is None:
        return False
    rest, digits = abs(int(wanted)), ""
    while rest:
        rest, digit = divmod(rest, gold.base)
        if digit > 9:
            return False
        digits = f"{digit}{digits}"
    return given.value == Fraction(digits or "0")


def _in_other_unit(gold: Scalar, answer: Scalar) -> bool:
    if gold.percent or answer.percent:
        return not gold.percent or answer.unit is not None
    return bool(gold.unit and answer.unit and gold.unit != answer.unit)


def _of_lists(gold: Listing, answer: Shape, tolerance: float | None) -> str | None:
    if isinstance(answer, Region | Inequality):
        return _of_regions(gold, answer)
    given = answer.members if isinstance(answer, Listing) else (answer,)
    if len(given) != len(gold.members):
        return "other_form"
    names = {member.name for member in gold.members if isinstance(member, Named)}
    if len(names) > 1:
        return _of_names(gold.members, given, tolerance)
    left = list(given)
    for member in gold.members:
        found = next((one for one in left if _is_member(member, one, tolerance)), None)
        if found is None:
            return "different"
        left.remove(found)
    return _EQUAL


def _is_member(gold: Shape, answer: Shape, tolerance: float | None) -> bool:
    """Return whether two members of lists are equal; a set never equals its only member."""
    return (
        isinstance(gold, Listing) == isinstance(answer, Listing)
        and find_answer_difference(gold, answer, tolerance) is None
    )


def _unpacked(named: Named) -> Shape:
    """Return ``(x, y) = (2, 3)`` as ``x = 2, y = 3``; return any other name unchanged."""
    names = named.name.strip("()").split(",")
    value = named.value
    if len(names) == 1 or not isinstance(value, Brackets) or len(value.members) != len(names):
        return named
    return Listing(tuple(Named(name, None, one, None) for name, one in zip(names, value.members, strict=True)))


def _unpacked_both(gold: Named, answer: Named) -> tuple[Shape, Shape] | None:
    """Unpack ``(x, y) = (5, 6)`` and ``(y, x) = (6, 5)``, to compare them by name.

    Return None where the names have the same order or differ.
    """
    if gold.name == answer.name or sorted(gold.name) != sorted(answer.name):
        return None
    one, other = _unpacked(gold), _unpacked(answer)
    return (one, other) if isinstance(one, Listing) and isinstance(other, Listing) else None


def _by_letter(answer: Listing, gold: Brackets | Matrix) -> Brackets | None:
    """Read ``x=1, y=2`` as the point (1, 2), in alphabetical order; None for other forms."""
    named = [member for member in answer.members if isinstance(member, Named)]
    names = [member.name for member in named]
    size = len(gold.rows) if isinstance(gold, Matrix) else len(gold.members)
    letters = len(set(names)) == len(names) and all(len(name) == 1 and name.isalpha() for name in names)
    if answer.braced or answer.either or not letters or not len(names) == len(answer.members) == size:
        return None
    point = isinstance(gold, Brackets) and (gold.opening, gold.closing) == ("(", ")")
    column = isinstance(gold, Matrix) and all(len(row) == 1 for row in gold.rows)
    if not point and not column:
        return None
    ordered = sorted(named, key=lambda member: member.name)
    return Brackets("(", ")", tuple(member.value for member in ordered))


def _of_names(gold: Sequence[Shape], given: Sequence[Shape], tolerance: float | None) -> str | None:
    """Compare values with different names: by name if the answer has names, else in order."""
    by_name = {member.name: member for member in given if isinstance(member, Named)}
    paired = [by_name.get(member.name) for member in gold if isinstance(member, Named)]
    ordered = [member for member in paired if member is not None]
    return _in_order(gold, ordered if len(ordered) == len(gold) else given, tolerance)


def _in_order(gold: Sequence[Shape], given: Sequence[Shape], tolerance: float | None) -> str | None:
    if len(gold) != len(given):
        return "other_form"
    found = (find_answer_difference(one, other, tolerance) for one, other in zip(gold, given, strict=True))
    return next((reason for reason in found if reason is not None), _EQUAL)


def _rows(matrix: Matrix) -> list[Shape]:
    return [Brackets("", "", row) for row in matrix.rows]


def _column(vector: Shape) -> Sequence[Shape]:
    """Return the members of a column or tuple; any other matrix is a single member.

    A column and a tuple with equal members are the same vector.
    """
    if isinstance(vector, Matrix) and all(len(row) == 1 for row in vector.rows):
        return [row[0] for row in vector.rows]
    return vector.members if isinstance(vector, Brackets) else [vector]


def _of_ratios(gold: Ratio, answer: Shape, tolerance: float | None) -> str | None:
    if isinstance(answer, Scalar) and len(gold.parts) == 2 and not gold.clock:
        return find_answer_difference(Scalar(Operation("div", gold.parts)), answer, tolerance)
    if not isinstance(answer, Ratio) or len(answer.parts) != len(gold.parts):
        return "other_form"
    if gold.suffix and gold.suffix != answer.suffix:
        return "different"
    one, other = gold.parts, answer.parts
    if gold.clock:
        return _EQUAL if all(map(is_equal, one, other)) else "different"
    pairs = [(a, b) for a in range(len(one)) for b in range(a)]
    crossed = ((Operation("mul", (one[a], other[b])), Operation("mul", (one[b], other[a]))) for a, b in pairs)
    return _EQUAL if all(is_equal(left, right) for left, right in crossed) else "different"


def _of_regions(gold: Shape, answer: Shape) -> str | None:
    if isinstance(gold, Inequality) and isinstance(answer, Inequality):
        if is_same_sides(gold, answer):
            return _EQUAL
        several = len({name for side in (*gold.sides, *answer.sides) for name in collect_symbols(side)}) > 1
        if several and len(gold.signs) == len(answer.signs) == 1:
            return _EQUAL if is_same_half_plane(gold, answer) else "different"
    if not isinstance(gold, Region | Inequality) and not isinstance(answer, Region | Inequality):
        return "other_form"
    one, other = to_region(gold), to_region(answer)
    if one is None or other is None:
        return "other_form"
    try:
        return _EQUAL if is_same_region(one, other) else "different"
    except Undefined:
        return "different"


def _of_equation(gold: Named | Equation, answer: Shape, tolerance: float | None) -> str | None:
    """Compare with a named value or an equation.

    The answer may omit the name of the gold answer. An equation in variables may have another form.
    """
    if isinstance(gold, Named) and _is_between_names(gold):
        same = isinstance(answer, Named) and {gold.name, gold.right} == {answer.name, answer.right}
        return _EQUAL if same else "different"
    reason = _of_named(gold, answer, tolerance) if isinstance(gold, Named) else "other_form"
    if reason is None or not isinstance(answer, Named | Equation):
        return reason
    otherwise = find_equation_difference(gold, answer)
    return reason if otherwise == "other_form" else otherwise


def _is_between_names(named: Named) -> bool:
    """Return whether a value is a relation of two quantities, such as ``MR=SRMC``."""
    return all(len(side) > 1 and side.isalpha() and side.isupper() for side in (named.name, named.right))


def _of_named(gold: Named, answer: Shape, tolerance: float | None) -> str | None:
    if not isinstance(answer, Named):
        return "other_form" if isinstance(answer, Equation) else find_answer_difference(gold.value, answer, tolerance)
    if not is_same_name(gold.name, answer.name):
        return "different"
    value = answer.value
    if gold.variable and answer.variable and gold.variable != answer.variable and isinstance(value, Scalar):
        value = Scalar(swap_symbols(value.tree, answer.variable, gold.variable))
    return find_answer_difference(gold.value, value, tolerance)


def _behind_name(gold: Shape, answer: Named | Equation, tolerance: float | None) -> str | None:
    if isinstance(answer, Named):
        return find_answer_difference(gold, answer.value, tolerance)
    return find_answer_difference(gold, answer.right, tolerance) if answer.quantity else "other_form"


def _of_chain(gold: Shape, answer: Chain, tolerance: float | None) -> str | None:
    """Compare every member of a chain with the gold answer.

    With a rough sign (``≈``), one member must be the gold answer and the others its rounded values. What follows the
    sign counts as exact only if the gold answer is a decimal.
    """
    reasons = [find_answer_difference(gold, member, tolerance) for member in answer.values]
    if answer.rough and not _is_decimal(gold) and (len(reasons) == 1 or reasons[0] is not None):
        return reasons[0] or "other_form"
    wrong = [at for at, reason in enumerate(reasons) if reason is not None]
    if not wrong:
        return _EQUAL
    if not answer.rough or len(wrong) == len(reasons):
        return reasons[wrong[0]]
    right = next(member for member, reason in zip(answer.values, reasons, strict=True) if reason is None)
    return _EQUAL if all(_rounded(right, answer.values[at]) for at in wrong) else "different"


def _is_decimal(shape: Shape) -> bool:
    """Return whether the gold answer contains a number that is not an integer."""
    if not isinstance(shape, Scalar):
        return False
    return any(isinstance(node, Number) and node.value.denominator > 1 for node in walk_nodes(shape.tree))


def _places(denominator: int) -> int:
    """Return the maximum number of decimals of a fraction with this denominator.

    1/25 = 0.04 has two.
    """
    return next((places for places in range(40) if 10**places % denominator == 0), 40)


def _rounded(right: Shape, member: Shape) -> bool:
    """Return whether a decimal is the value, rounded to the digits of the decimal."""
    if not isinstance(right, Scalar) or not isinstance(member, Scalar):
        return False
    sizes = [node.value.denominator for node in walk_nodes(member.tree) if isinstance(node, Number)]
    return bool(sizes) and is_equal(right.tree, member.tree, 0.5 * 10.0 ** -_places(max(sizes)))
