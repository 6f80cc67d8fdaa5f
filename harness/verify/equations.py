"""Equations and inequalities in several variables: the same up to a constant factor."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from harness.verify import exact
from harness.verify.equality import close, equal, everywhere, is_real, values
from harness.verify.shapes import Equation, Inequality, Named, Scalar, Shape
from harness.verify.tree import Operation, Symbol, Tree, symbols

if TYPE_CHECKING:
    from harness.verify.equality import Point

FLIPPED: Final = {"<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le", "\\ne": "\\ne"}
_DESCENDING: Final = (">", "\\ge")
_STRICT: Final = ("<", ">", "\\ne")


def same_equation(gold: Shape, answer: Shape) -> str | None:
    """Why two equations differ; None where one is a constant multiple of the other."""
    one, other = zero(gold), zero(answer)
    if one is None or other is None:
        return "other_form"
    if symbols(one) != symbols(other):
        return "stray_symbol"
    return None if _proportional(one, other, positive=False) else "different"


def same_half_plane(gold: Inequality, answer: Inequality) -> bool:
    """Whether two inequalities of two sides are the same up to a positive factor."""
    signs = gold.signs[0], answer.signs[0]
    if (signs[0] in _STRICT) != (signs[1] in _STRICT) or ("\\ne" in signs and signs[0] != signs[1]):
        return False
    return _proportional(_excess(gold), _excess(answer), positive="\\ne" not in signs)


def same_sides(gold: Inequality, answer: Inequality) -> bool:
    """Whether two inequalities have equal sides and signs, from the left or from the right."""
    turned = Inequality(answer.sides[::-1], tuple(FLIPPED[sign] for sign in reversed(answer.signs)))
    return any(
        gold.signs == one.signs and len(gold.sides) == len(one.sides) and all(map(equal, gold.sides, one.sides))
        for one in (answer, turned)
    )


def zero(shape: Shape) -> Tree | None:
    """The expression that an equation sets to zero; none where it only names a value."""
    match shape:
        case Equation(left, Scalar(right)):
            return _minus(left, right)
        case Named(_, _, Scalar(right), left) if left is not None and symbols(right):
            return _minus(left, right)
    return None


def renamed(tree: Tree, old: str, new: str) -> Tree:
    """The tree with two symbols exchanged."""
    if isinstance(tree, Symbol):
        return Symbol({old: new, new: old}.get(tree.name, tree.name))
    if isinstance(tree, Operation):
        return Operation(tree.name, tuple(renamed(operand, old, new) for operand in tree.operands))
    return tree


def _excess(inequality: Inequality) -> Tree:
    left, right = inequality.sides
    return _minus(right, left) if inequality.signs[0] in _DESCENDING else _minus(left, right)


def _minus(left: Tree, right: Tree) -> Tree:
    return Operation("add", (left, Operation("neg", (right,))))


def _proportional(one: Tree, other: Tree, *, positive: bool) -> bool:
    """Whether one is a constant multiple of the other, and not zero."""
    factors: list[exact.Value] = []

    def constant(point: Point) -> bool | None:
        found = values((one, other), point)
        if found is None or found[1] == 0:
            return None
        factors.append(exact.divide(*found))
        if close(found[0], Fraction(0), (one, other)) or not is_real(factors[0]):
            return False
        return close(factors[0], factors[-1], (one, other)) and (not positive or exact.real(factors[0]) > 0)

    return everywhere((one, other), constant)
