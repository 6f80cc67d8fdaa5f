"""Compare two expression trees.

Rational values are compared exactly. Other values are compared to many digits at several fixed points.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from mpmath import mp

from harness.verify.model import exact
from harness.verify.model.exact import Undefined, Value, evaluate_tree
from harness.verify.model.expressions import Number, Operation, Tree, collect_symbols, is_infinite, walk_nodes

_DIGITS: Final = 60
_GUARD: Final = 15  # number of digits that rounding may change
_MARGIN: Final = 40
_MOST_DIGITS: Final = 1_500
_POSITIVE, _SIGNED, _FEWEST = 4, 4, 3
_WHOLE: Final = 14
_SIGNED_BY: Final = frozenset({"abs", "max", "min"})
_SATURATED: Final = ("tanh", "coth", "sech", "csch")
_STEPPED: Final = frozenset({"floor", "ceil", "factorial", "double_factorial", "binom", "gcd", "lcm", "mod"})

Point = Mapping[str, Fraction]
Comparison = Callable[[Point], bool | None]


def is_equal(left: Tree, right: Tree, tolerance: float | None = None) -> bool:
    """Return whether the trees are equal wherever both are defined.

    Symbols are positive numbers, so that ``sqrt(r^2)`` equals ``r``. They have either sign if an absolute value,
    maximum or minimum occurs. They are integers if both trees contain floors or factorials. The result is
    deterministic.

    Args:
        left: One tree.
        right: The other tree.
        tolerance: Largest absolute difference that counts as equal; None means exact.

    Returns:
        True if they are equal at all points.

    Raises:
        Refused: A number is too large for an answer.

    """
    if left == right:
        return True
    if is_infinite(left) or is_infinite(right):
        return False
    return holds_everywhere((left, right), lambda point: _equal_at(left, right, point, tolerance))


def holds_everywhere(trees: tuple[Tree, ...], holds: Comparison) -> bool:
    """Return whether a condition holds wherever it is defined, and at three points or more.

    ``holds`` returns None at a point where it is undefined. Without symbols there is only one point.
    """
    names = sorted({name for tree in trees for name in collect_symbols(tree) if not name.startswith("apply ")})
    if not names:
        return holds({}) is True
    found = 0
    for point in _points(names, trees):
        verdict = holds(point)
        if verdict is False:
            return False
        found += verdict is True
    return found >= _FEWEST


def evaluate_trees(trees: tuple[Tree, ...], point: Point) -> tuple[Value, ...] | None:
    """Return the values of trees at a point; None where one is undefined.

    Non-rational values have enough digits for the numbers in the trees.
    """
    try:
        with mp.workdps(_DIGITS):
            found = tuple(evaluate_tree(tree, point) for tree in trees)
            if all(isinstance(number, Fraction) for number in found):
                return found
        with mp.workdps(precision(trees)):
            return tuple(evaluate_tree(tree, point) for tree in trees)
    except Undefined:
        return None


def sample_values(tree: Tree) -> list[Value | None]:
    """Return the values of a tree at its fixed points; None where undefined.

    A tree without symbols has one point.
    """
    names = sorted(name for name in collect_symbols(tree) if not name.startswith("apply "))
    found = [evaluate_trees((tree,), point) for point in (_points(names, (tree,)) if names else ({},))]
    return [None if one is None else one[0] for one in found]


def precision(trees: tuple[Tree, ...]) -> int:
    """Return the decimal digits that distinguish values of these trees.

    Longer numbers in the trees need more digits.
    """
    return min(_MOST_DIGITS, _DIGITS + 2 * sum(_size(node) for tree in trees for node in walk_nodes(tree)))


def is_close(left: Value, right: Value, trees: tuple[Tree, ...], tolerance: float | None = None) -> bool:
    """Return whether two values are equal up to rounding, or within the tolerance.

    Args:
        left: One value.
        right: The other value.
        trees: The trees of the values, which decide the precision.
        tolerance: Largest absolute difference that counts as equal; None means exact.

    Returns:
        True if they are equal.

    """
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left == right if tolerance is None else abs(left - right) <= Fraction(repr(tolerance))
    digits = precision(trees)
    with mp.workdps(digits):
        a, b = exact.to_real(left), exact.to_real(right)
        if tolerance is not None:
            return bool(abs(a - b) <= tolerance)
        return bool(abs(a - b) <= max(abs(a), abs(b), 1) * mp.mpf(10) ** -(digits - _GUARD))


def is_real(number: Value) -> bool:
    """Return whether a value has no imaginary part."""
    return isinstance(number, Fraction) or abs(mp.im(number)) <= mp.mpf(10) ** -_MARGIN


def _equal_at(left: Tree, right: Tree, point: Point, tolerance: float | None) -> bool | None:
    found = evaluate_trees((left, right), point)
    if found is None:
        return None
    if is_close(found[0], found[1], (left, right), tolerance):
        return True
    # For negative symbols, principal values may be on different branches: sqrt(1/n) and 1/sqrt(n) are the same answer.
    branch = any(number < 0 for number in point.values()) and not all(is_real(number) for number in found)
    return None if branch else False


def _points(names: list[str], trees: tuple[Tree, ...]) -> Iterator[Point]:
    stepped = [any(map(_is_stepped, walk_nodes(tree))) for tree in trees]
    if any(stepped):
        for at in range(_WHOLE):
            yield {name: Fraction(_random(name, at).randint(2, 12 + 3 * at)) for name in names}
    if all(stepped):
        return
    inside = (node for tree in trees for node in walk_nodes(tree))
    signed = any(isinstance(node, Operation) and node.name in _SIGNED_BY for node in inside)
    for at in range(_POSITIVE + _SIGNED * signed):
        yield {name: _fraction(name, at, signed=at >= _POSITIVE) for name in names}


def _fraction(name: str, at: int, *, signed: bool) -> Fraction:
    draw = _random(name, at)
    size = Fraction(draw.randint(101, 2999), 997)
    negative = signed and (at == _POSITIVE or draw.random() < 0.5)
    return -size if negative else size


def _random(name: str, at: int) -> random.Random:
    return random.Random(f"{name}/{at}")


def _is_stepped(node: Tree) -> bool:
    """Return whether a node is defined only for integers: floors, factorials, powers of -1."""
    match node:
        case Operation("pow", (Operation("neg", (Number(),)), exponent)):
            return bool(collect_symbols(exponent))
        case Operation(name, operands):
            return name in _STEPPED and any(collect_symbols(operand) for operand in operands)
    return False


def _size(node: Tree) -> int:
    if isinstance(node, Number):
        return int(exact.count_digits(node.value))
    match node:
        case Operation("pow", (base, exponent)):
            return _power_size(base, exponent)
        case Operation(name, (argument,)) if name in _SATURATED:
            return _power_size(argument, argument)
        case Operation("factorial" | "binom" | "double_factorial", _):
            return 50
    return 0


def _power_size(base: Tree, exponent: Tree) -> int:
    try:
        size: Any = evaluate_tree(exponent, {})
        return int(min(_MOST_DIGITS, abs(exact.to_real(size)) * _inner_size(base)))
    except (Undefined, KeyError):
        return 10


def _inner_size(base: Tree) -> int:
    return 1 + sum(_size(node) for node in walk_nodes(base) if isinstance(node, Number))
