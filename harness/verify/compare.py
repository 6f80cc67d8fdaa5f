"""Whether an answer is the gold, kind by kind; what is not equal has a reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.verify import exact
from harness.verify.equality import close, equal, everywhere, is_real, values
from harness.verify.exact import Undefined
from harness.verify.regions import region, same_region
from harness.verify.shapes import (
    Brackets,
    Chain,
    Equation,
    Inequality,
    Listing,
    Matrix,
    Named,
    Ratio,
    Region,
    Scalar,
    Shape,
    Text,
)
from harness.verify.tree import Number, Operation, Symbol, Tree, nodes, symbols

_EQUAL: Final = None
_ORDER: Final = {"<": 1, "\\le": 1, ">": -1, "\\ge": -1}


def difference(gold: Shape, answer: Shape, tolerance: float | None = None) -> str | None:
    """Why the answer is wrong, as a key of REASONS; None where it is right.

    Raises Refused for sizes that no answer has.
    """
    match gold, answer:
        case ((Named() | Equation()), _):
            return _of_equation(gold, answer, tolerance)
        case Chain(), Chain():
            return _in_order(gold.values, answer.values, tolerance)
        case _, Named():
            return difference(gold, answer.value, tolerance)
        case _, Equation(quantity=True):
            return difference(gold, answer.right, tolerance)
        case _, Chain():
            return _of_chain(gold, answer, tolerance)
        case Scalar(), Scalar():
            return _of_scalars(gold, answer, tolerance)
        case Listing(), _:
            return _of_lists(gold, answer, tolerance)
        case _, Listing((member,)):
            return difference(gold, member, tolerance)
        case Brackets(), Brackets():
            same = (gold.opening, gold.closing) == (answer.opening, answer.closing)
            return _in_order(gold.members, answer.members, tolerance) if same else "other_form"
        case Matrix(), Matrix():
            rows = [Brackets("", "", row) for row in gold.rows], [Brackets("", "", row) for row in answer.rows]
            return _in_order(*rows, tolerance)
        case (Matrix(), Brackets("(", ")", members)) | (Brackets("(", ")", members), Matrix()):
            return _of_column(gold, answer, members, tolerance)
        case Text(), Text():
            return None if gold.letters == answer.letters else "different"
        case Ratio(), _:
            return _of_ratios(gold, answer, tolerance)
    return _of_regions(gold, answer)


def _of_scalars(gold: Scalar, answer: Scalar, tolerance: float | None) -> str | None:
    if answer.base != gold.base and (gold.base is not None or answer.base != 10):
        return "other_base"
    if answer.percent and not gold.percent:
        return "other_unit"
    if gold.unit and answer.unit and gold.unit != answer.unit:
        return "other_unit"
    if not symbols(answer.tree) <= symbols(gold.tree):
        return "stray_symbol"
    if equal(gold.tree, answer.tree, tolerance):
        return _EQUAL
    if gold.percent and not answer.percent and equal(_hundredth(gold.tree), answer.tree):
        return _EQUAL
    return "different"


def _hundredth(tree: Tree) -> Tree:
    return Operation("div", (tree, Number(exact.Fraction(100))))


def _of_lists(gold: Listing, answer: Shape, tolerance: float | None) -> str | None:
    if isinstance(answer, Region | Inequality) or any(isinstance(member, Region) for member in gold.members):
        return _of_regions(gold, answer)
    given = answer.members if isinstance(answer, Listing) else (answer,)
    if len(given) != len(gold.members):
        return "other_form"
    names = [member.name for member in gold.members if isinstance(member, Named)]
    if len(names) == len(given) and len(set(names)) > 1:
        return _of_names(gold.members, given, tolerance)
    left = list(given)
    for member in gold.members:
        found = next((one for one in left if difference(member, one, tolerance) is None), None)
        if found is None:
            return "different"
        left.remove(found)
    return _EQUAL


def _of_names(gold: Sequence[Shape], given: Sequence[Shape], tolerance: float | None) -> str | None:
    """Values with different names: by name where the answer has them, else in order."""
    if not all(isinstance(member, Named) for member in given):
        return _in_order(gold, given, tolerance)
    by_name = {member.name: member for member in given if isinstance(member, Named)}
    paired = [by_name.get(member.name) for member in gold if isinstance(member, Named)]
    if any(member is None for member in paired):
        return "other_form"
    return _in_order(gold, [member for member in paired if member is not None], tolerance)


def _in_order(gold: Sequence[Shape], given: Sequence[Shape], tolerance: float | None) -> str | None:
    if len(gold) != len(given):
        return "other_form"
    found = (difference(one, other, tolerance) for one, other in zip(gold, given, strict=True))
    return next((reason for reason in found if reason is not None), _EQUAL)


def _of_column(gold: Shape, answer: Shape, members: Sequence[Shape], tolerance: float | None) -> str | None:
    """A column and a tuple are the same vector."""
    matrix = gold if isinstance(gold, Matrix) else answer
    assert isinstance(matrix, Matrix)
    if any(len(row) != 1 for row in matrix.rows):
        return "other_form"
    column = [row[0] for row in matrix.rows]
    return _in_order(column, members, tolerance) if matrix is gold else _in_order(members, column, tolerance)


def _of_ratios(gold: Ratio, answer: Shape, tolerance: float | None) -> str | None:
    if isinstance(answer, Scalar) and len(gold.parts) == 2 and not gold.clock:
        return difference(Scalar(Operation("div", gold.parts)), answer, tolerance)
    if not isinstance(answer, Ratio) or len(answer.parts) != len(gold.parts):
        return "other_form"
    if gold.suffix and gold.suffix != answer.suffix:
        return "different"
    one, other = gold.parts, answer.parts
    if gold.clock:
        return _EQUAL if all(map(equal, one, other)) else "different"
    crossed = [
        (Operation("mul", (a, other[0])), Operation("mul", (b, one[0]))) for a, b in zip(one, other, strict=True)
    ]
    return _EQUAL if all(equal(a, b) for a, b in crossed) else "different"


def _of_regions(gold: Shape, answer: Shape) -> str | None:
    if isinstance(gold, Inequality) and isinstance(answer, Inequality):
        several = len({name for side in (*gold.sides, *answer.sides) for name in symbols(side)}) > 1
        if several and len(gold.signs) == len(answer.signs) == 1:
            return _of_half_planes(gold, answer)
    if not isinstance(gold, Region | Inequality) and not isinstance(answer, Region | Inequality):
        return "other_form"
    one, other = region(gold), region(answer)
    if one is None or other is None:
        return "other_form"
    try:
        return _EQUAL if same_region(one, other) else "different"
    except Undefined:
        return "different"


def _of_half_planes(gold: Inequality, answer: Inequality) -> str | None:
    strict = [inequality.signs[0] in ("<", ">", "\\ne") for inequality in (gold, answer)]
    one, other = (_excess(inequality) for inequality in (gold, answer))
    if strict[0] != strict[1] or ("\\ne" in gold.signs) != ("\\ne" in answer.signs):
        return "different"
    return _EQUAL if _proportional(one, other, positive=True) else "different"


def _excess(inequality: Inequality) -> Tree:
    left, right = inequality.sides
    if _ORDER.get(inequality.signs[0], 1) < 0:
        left, right = right, left
    return _minus(left, right)


def _of_equation(gold: Named | Equation, answer: Shape, tolerance: float | None) -> str | None:
    if isinstance(gold, Named):
        reason = _of_named(gold, answer, tolerance)
        if reason is None:
            return _EQUAL
    else:
        reason = "other_form"
    one, other = _zero(gold), _zero(answer)
    if one is None or other is None:
        return reason
    if symbols(one) != symbols(other):
        return "stray_symbol"
    return _EQUAL if _proportional(one, other, positive=False) else "different"


def _of_named(gold: Named, answer: Shape, tolerance: float | None) -> str | None:
    if not isinstance(answer, Named):
        return "other_form" if isinstance(answer, Equation) else difference(gold.value, answer, tolerance)
    if gold.name != answer.name and len(gold.name) == len(answer.name) == 1:
        return "different"
    value = answer.value
    if gold.variable and answer.variable and gold.variable != answer.variable and isinstance(value, Scalar):
        value = Scalar(_renamed(value.tree, answer.variable, gold.variable))
    return difference(gold.value, value, tolerance)


def _renamed(tree: Tree, old: str, new: str) -> Tree:
    if isinstance(tree, Symbol):
        return Symbol(new) if tree.name == old else Symbol(old) if tree.name == new else tree
    if isinstance(tree, Operation):
        return Operation(tree.name, tuple(_renamed(operand, old, new) for operand in tree.operands))
    return tree


def _zero(shape: Shape) -> Tree | None:
    """The expression that an equation sets to zero; none where it only names a value."""
    match shape:
        case Equation(left, Scalar(right)):
            return _minus(left, right)
        case Named(_, _, Scalar(right), left) if left is not None and symbols(right):
            return _minus(left, right)
    return None


def _minus(left: Tree, right: Tree) -> Tree:
    return Operation("add", (left, Operation("neg", (right,))))


def _proportional(one: Tree, other: Tree, *, positive: bool) -> bool:
    """Whether one is a constant multiple of the other, and not zero."""
    ratios: list[exact.Value] = []

    def constant(point: dict[str, exact.Fraction]) -> bool | None:
        found = values((one, other), point)
        if found is None or found[1] == 0:
            return None
        ratios.append(exact.divide(*found))
        fits = (
            close(ratios[0], ratios[-1], (one, other)) and is_real(ratios[0]) and not close(found[0], 0 * found[0], ())
        )
        return fits and (not positive or exact.real(ratios[0]) > 0)

    return everywhere((one, other), constant)


def _of_chain(gold: Shape, answer: Chain, tolerance: float | None) -> str | None:
    """Every member is the gold; behind a rough sign, one is and the others are its digits."""
    reasons = [difference(gold, member, tolerance) for member in answer.values]
    wrong = [at for at, reason in enumerate(reasons) if reason is not None]
    if not wrong:
        return _EQUAL
    if not answer.rough or len(wrong) == len(reasons):
        return reasons[wrong[0]]
    right = next(member for member, reason in zip(answer.values, reasons, strict=True) if reason is None)
    near = all(_rounded(right, answer.values[at]) for at in wrong)
    return _EQUAL if near else "different"


def _rounded(right: Shape, member: Shape) -> bool:
    """Whether a decimal is the value to the digits that it has."""
    if not isinstance(right, Scalar) or not isinstance(member, Scalar):
        return False
    sizes = [node.value.denominator for node in nodes(member.tree) if isinstance(node, Number)]
    return bool(sizes) and equal(right.tree, member.tree, 10.0 ** -(len(str(max(sizes))) - 1))
