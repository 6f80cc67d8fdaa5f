"""Sets of real numbers as unions of intervals in a normal form."""

from __future__ import annotations

from fractions import Fraction
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any, Final

from mpmath import mp

from harness.verify.model import exact
from harness.verify.model.equality import evaluate_trees, holds_everywhere, is_equal
from harness.verify.model.exact import Undefined
from harness.verify.model.expressions import (
    Brackets,
    Constant,
    Inequality,
    Listing,
    Number,
    Operation,
    Region,
    Scalar,
    Shape,
    Span,
    Symbol,
    Tree,
    collect_symbols,
    is_infinite,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.verify.model.equality import Point

FLIPPED: Final = {"<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le", "\\ne": "\\ne"}
INFINITY: Final = Constant("infinity")
MINUS_INFINITY: Final = Operation("neg", (INFINITY,))
EVERYTHING: Final = Span(MINUS_INFINITY, INFINITY, low_closed=False, high_closed=False)
_BELOW: Final = ("<", "\\le")


def to_region(shape: Shape) -> Region | None:
    """Return the shape as a set of real numbers; None where it cannot be one."""
    match shape:
        case Region():
            return shape
        case Brackets("(" | "[" as opening, ")" | "]" as closing, (Scalar(low), Scalar(high))):
            return Region((Span(low, high, low_closed=opening == "[", high_closed=closing == "]"),))
        case Listing(members) if all(isinstance(member, Scalar) for member in members):
            return Region(tuple(_point(member.tree) for member in members if isinstance(member, Scalar)))
        case Inequality():
            return _solved(shape)
    return None


def union(regions: Sequence[Region]) -> Region:
    """Return the union of sets."""
    return Region(tuple(span for one in regions for span in one.spans))


def intersection(left: Region, right: Region) -> Region:
    """Return the intersection of two sets."""
    spans = [_meet(a, b) for a in left.spans for b in right.spans]
    return Region(tuple(span for span in spans if span is not None))


def subtract_points(whole: Region, points: Region) -> Region:
    """Return the first set without the points of the second."""
    spans = list(normalize_region(whole))
    for point in points.spans:
        spans = [piece for span in spans for piece in _cut(span, point.low)]
    return Region(tuple(spans))


def is_same_region(left: Region, right: Region) -> bool:
    """Return whether two sets contain the same numbers."""
    one, other = normalize_region(left), normalize_region(right)
    return len(one) == len(other) and all(_same_span(a, b) for a, b in zip(one, other, strict=True))


def normalize_region(whole: Region) -> tuple[Span, ...]:
    """Return the intervals in order, joined where they touch.

    Intervals with symbols in their ends are returned unchanged.
    """
    if any(collect_symbols(end) for span in whole.spans for end in (span.low, span.high)):
        return whole.spans
    spans: list[Span] = []
    for span in sorted((span for span in whole.spans if _holds_any(span)), key=cmp_to_key(_order)):
        if spans and _touch(spans[-1], span):
            spans[-1] = _joined(spans[-1], span)
        else:
            spans.append(span)
    return tuple(spans)


def _point(tree: Tree) -> Span:
    return Span(tree, tree, low_closed=True, high_closed=True)


def _compare(left: Tree, right: Tree) -> int:
    """Return the sign of left - right."""
    if is_equal(left, right):
        return 0
    return -1 if _position(left) < _position(right) else 1


def _position(tree: Tree) -> Any:
    if is_infinite(tree):
        return mp.mpf("-inf") if tree == MINUS_INFINITY else mp.inf
    found = evaluate_trees((tree,), {})
    if found is None or mp.im(exact.to_real(found[0])):
        raise Undefined
    return exact.to_real(found[0])


def _order(left: Span, right: Span) -> int:
    return _compare(left.low, right.low) or int(right.low_closed) - int(left.low_closed)


def _order_of_ends(left: Span, right: Span) -> int:
    return _compare(left.high, right.high) or int(left.high_closed) - int(right.high_closed)


def _holds_any(span: Span) -> bool:
    order = _compare(span.low, span.high)
    return order < 0 or (order == 0 and span.low_closed and span.high_closed)


def _touch(left: Span, right: Span) -> bool:
    order = _compare(right.low, left.high)
    return order < 0 or (order == 0 and (left.high_closed or right.low_closed))


def _joined(left: Span, right: Span) -> Span:
    order = _compare(left.high, right.high)
    high = left.high if order >= 0 else right.high
    closed = {1: left.high_closed, -1: right.high_closed, 0: left.high_closed or right.high_closed}[order]
    return Span(left.low, high, low_closed=left.low_closed, high_closed=closed)


def _meet(left: Span, right: Span) -> Span | None:
    lower = max(left, right, key=cmp_to_key(_order))
    upper = min(left, right, key=cmp_to_key(_order_of_ends))
    span = Span(lower.low, upper.high, low_closed=lower.low_closed, high_closed=upper.high_closed)
    return span if _holds_any(span) else None


def _cut(span: Span, point: Tree) -> list[Span]:
    if _compare(point, span.low) < 0 or _compare(point, span.high) > 0:
        return [span]
    left = Span(span.low, point, low_closed=span.low_closed, high_closed=False)
    right = Span(point, span.high, low_closed=False, high_closed=span.high_closed)
    return [piece for piece in (left, right) if _holds_any(piece)]


def _same_span(left: Span, right: Span) -> bool:
    closed = (left.low_closed, left.high_closed) == (right.low_closed, right.high_closed)
    return closed and is_equal(left.low, right.low) and is_equal(left.high, right.high)


def _solved(inequality: Inequality) -> Region | None:
    """Return the solutions of an inequality in one symbol; None where it is not solved here.

    It solves ``x > 3``, ``1 < x <= 2``, and linear inequalities with rational numbers.
    """
    sides, signs = inequality.sides, inequality.signs
    if len({name for side in sides for name in collect_symbols(side)}) != 1 or len(signs) > 2:
        return None
    if len(signs) == 1:
        return _half(sides[0], signs[0], sides[1])
    one, other = _half(sides[0], signs[0], sides[1]), _half(sides[1], signs[1], sides[2])
    ordered = (signs[0] in _BELOW) == (signs[1] in _BELOW) and "\\ne" not in signs
    return None if one is None or other is None or not ordered else intersection(one, other)


def _half(left: Tree, sign: str, right: Tree) -> Region | None:
    if isinstance(left, Operation) and left.name == "abs" and not collect_symbols(right):
        return _around_zero(left.operands[0], sign, right)
    if isinstance(left, Symbol) and not collect_symbols(right):
        return _beyond(sign, right)
    if isinstance(right, Symbol) and not collect_symbols(left):
        return _beyond(FLIPPED[sign], left)
    solved = None if is_infinite(left) or is_infinite(right) else _root_of_line(left, right)
    if solved is None:
        return None
    root, rising = solved
    return _beyond(sign if rising else FLIPPED[sign], Number(root))


def _around_zero(inside: Tree, sign: str, bound: Tree) -> Region | None:
    """Return the solutions of an inequality between an absolute value and a number."""
    above = _half(inside, sign, bound)
    below = _half(inside, FLIPPED[sign], Operation("neg", (bound,)))
    if above is None or below is None or sign == "\\ne":
        return None
    return intersection(above, below) if sign in _BELOW else union((above, below))


def _beyond(sign: str, bound: Tree) -> Region:
    closed = sign in ("\\le", "\\ge")
    above = Span(bound, INFINITY, low_closed=closed, high_closed=False)
    below = Span(MINUS_INFINITY, bound, low_closed=False, high_closed=closed)
    return Region({"<": (below,), "\\le": (below,), ">": (above,), "\\ge": (above,), "\\ne": (below, above)}[sign])


def _root_of_line(left: Tree, right: Tree) -> tuple[Fraction, bool] | None:
    (name,) = collect_symbols(left) | collect_symbols(right)
    difference = Operation("add", (left, Operation("neg", (right,))))
    found = [evaluate_trees((difference,), {name: Fraction(at)}) for at in (0, 1)]
    if any(value is None or not isinstance(value[0], Fraction) for value in found):
        return None
    start, slope = found[0][0], found[1][0] - found[0][0]  # type: ignore[index]  # neither is None
    line = Operation("add", (Number(start), Operation("mul", (Number(slope), Symbol(name)))))
    if not slope or not holds_everywhere((difference, line), lambda point: _agree(difference, line, point)):
        return None
    return -start / slope, slope > 0


def _agree(left: Tree, right: Tree, point: Point) -> bool:
    found = evaluate_trees((left, right), point)
    return found is not None and found[0] == found[1]
