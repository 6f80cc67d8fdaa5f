"""Compare equations and inequalities in several variables, and names of values."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from harness.verify.model import (
    FLIPPED,
    Equation,
    Inequality,
    Named,
    Operation,
    Scalar,
    Shape,
    Symbol,
    Tree,
    collect_symbols,
    evaluate_trees,
    exact,
    holds_everywhere,
    is_close,
    is_equal,
    is_real,
)
from harness.verify.parse import LETTERS

if TYPE_CHECKING:
    from harness.verify.model import Point


_DERIVATIVE: Final = re.compile(r"fracd(\w)d\w")  # dy/dx in the form of a name
_DOTTED: Final = re.compile(r"dot(\w)|(\w)'")
_APPLIED: Final = re.compile(r"(\w)(?:\^-1)?\(.*\)")


def is_same_name(one: str, other: str) -> bool:
    """Return whether two names agree.

    Names agree if they are equal, or differ only by an index. A function agrees with its value, ``dy/dx`` with ``y'``,
    and the letters of a figure in any order. A word agrees with every name.
    """
    if one == other or _bare(one) == _bare(other):
        return True
    if _is_word(one) or _is_word(other):
        return True
    return _index_left_out(one, other) or _is_value_of(one, other) or _is_value_of(other, one)


def _bare(name: str) -> str:
    """Return the normal form of a name.

    It is the variable of a derivative, the sorted letters of a figure, or the name itself.
    """
    found = _DERIVATIVE.fullmatch(name)
    if found is not None:
        return f"{found[1]}'"
    dotted = _DOTTED.match(name)
    if dotted is not None:
        return f"{dotted[1] or dotted[2]}'"
    return "".join(sorted(name)) if name.removeprefix("angle").isupper() else name


def _is_word(name: str) -> bool:
    drawn = name.startswith(("frac", "dot", "angle"))
    return not drawn and name.isalpha() and name[1:].islower() and len(name) > 2 and name not in LETTERS


def _index_left_out(one: str, other: str) -> bool:
    stems = one.split("_", maxsplit=1)[0], other.split("_", maxsplit=1)[0]
    return stems[0] == stems[1] and ("_" in one) != ("_" in other)


def _is_value_of(one: str, other: str) -> bool:
    """Return whether the first name is ``y`` or the letter of the function in the second."""
    applied = _APPLIED.fullmatch(other)
    if applied is None:
        return False
    function = _APPLIED.fullmatch(one)
    letter = function[1] if function is not None else one
    return letter in ("y", applied[1])


_DESCENDING: Final = (">", "\\ge")
_STRICT: Final = ("<", ">", "\\ne")


def find_equation_difference(gold: Shape, answer: Shape) -> str | None:
    """Return why two equations differ; None where one is a constant multiple of the other."""
    one, other = to_zero_form(gold), to_zero_form(answer)
    if one is None or other is None:
        return "other_form"
    if collect_symbols(one) != collect_symbols(other):
        return "stray_symbol"
    return None if _proportional(one, other, positive=False) else "different"


def is_same_half_plane(gold: Inequality, answer: Inequality) -> bool:
    """Return whether two inequalities with two sides are equal up to a positive factor."""
    signs = gold.signs[0], answer.signs[0]
    if (signs[0] in _STRICT) != (signs[1] in _STRICT) or ("\\ne" in signs and signs[0] != signs[1]):
        return False
    return _proportional(_excess(gold), _excess(answer), positive="\\ne" not in signs)


def is_same_sides(gold: Inequality, answer: Inequality) -> bool:
    """Return whether two inequalities have equal sides and signs, in either direction."""
    turned = Inequality(answer.sides[::-1], tuple(FLIPPED[sign] for sign in reversed(answer.signs)))
    return any(
        gold.signs == one.signs and len(gold.sides) == len(one.sides) and all(map(is_equal, gold.sides, one.sides))
        for one in (answer, turned)
    )


def to_zero_form(shape: Shape) -> Tree | None:
    """Return the expression that an equation sets to zero; None where it only names a value."""
    match shape:
        case Equation(left, Scalar(right)):
            return _minus(left, right)
        case Named(_, _, Scalar(right), left) if left is not None and collect_symbols(right):
            return _minus(left, right)
    return None


def swap_symbols(tree: Tree, old: str, new: str) -> Tree:
    """Return the tree with two symbols exchanged.

    Args:
        tree: The tree.
        old: A symbol, which becomes ``new``.
        new: A symbol, which becomes ``old``.

    Returns:
        The new tree.

    """
    if isinstance(tree, Symbol):
        return Symbol({old: new, new: old}.get(tree.name, tree.name))
    if isinstance(tree, Operation):
        return Operation(tree.name, tuple(swap_symbols(operand, old, new) for operand in tree.operands))
    return tree


def _excess(inequality: Inequality) -> Tree:
    left, right = inequality.sides
    return _minus(right, left) if inequality.signs[0] in _DESCENDING else _minus(left, right)


def _minus(left: Tree, right: Tree) -> Tree:
    return Operation("add", (left, Operation("neg", (right,))))


def _proportional(one: Tree, other: Tree, *, positive: bool) -> bool:
    """Return whether one tree is a nonzero constant multiple of the other."""
    factors: list[exact.Value] = []

    def constant(point: Point) -> bool | None:
        found = evaluate_trees((one, other), point)
        if found is None or found[1] == 0:
            return None
        factors.append(exact.divide(*found))
        if is_close(found[0], Fraction(0), (one, other)) or not is_real(factors[0]):
            return False
        return is_close(factors[0], factors[-1], (one, other)) and (not positive or exact.to_real(factors[0]) > 0)

    return holds_everywhere((one, other), constant)
