"""Matrices and columns, with or without a factor before them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from harness.verify.errors import Refused
from harness.verify.scalars import scalar
from harness.verify.shapes import Matrix, Scalar, Shape
from harness.verify.tokens import Tokens, split
from harness.verify.tree import Number, Operation, Tree

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_CELLS: Final = 400
_MATRICES: Final = ("pmatrix", "bmatrix", "matrix", "Bmatrix", "smallmatrix", "array")


def matrix(parts: Tokens, read: Callable[[Tokens], Shape]) -> Shape | None:
    r"""The matrix that tokens end with; None where they do not. ``read`` reads a cell."""
    begins = [at for at, token in enumerate(parts) if token.is_("\\begin")]
    if len(begins) != 1 or len(parts) < begins[0] + 9 or not parts[-4].is_("\\end"):
        return None
    factor, body = parts[: begins[0]], parts[begins[0] + 2 : -4]
    if body[0].text not in _MATRICES:
        return None
    rows = [row for row in split(_cells(body), "\\\\") if row]
    cells = [split(row, "&") for row in rows]
    if sum(map(len, cells)) > MOST_CELLS:
        raise Refused("too_long")
    found = Matrix(tuple(tuple(map(read, row)) for row in cells))
    return scaled(found, _factor(factor)) if factor else found


def _cells(body: Tokens) -> Tokens:
    """What stands between the name of the environment, its columns, and its end."""
    start = 2
    if body[0].text == "array" and body[2].is_("{"):
        start += 1 + next(at for at, token in enumerate(body[2:]) if token.is_("}"))
    return [token for token in body[start:] if not token.is_("\\hline")]


def _factor(parts: Tokens) -> Tree:
    """Read the factor before a matrix, which may be a sign alone."""
    if len(parts) == 1 and parts[0].is_("-", "+"):
        return Number(Fraction(-1 if parts[0].is_("-") else 1))
    return scalar(parts[:-1] if parts[-1].is_("*") else parts)


def scaled(whole: Matrix, factor: Tree) -> Matrix:
    """The matrix with every cell multiplied. Raises Refused where a cell is no value."""
    return Matrix(tuple(tuple(_multiplied(cell, factor) for cell in row) for row in whole.rows))


def _multiplied(cell: Shape, factor: Tree) -> Shape:
    if not isinstance(cell, Scalar):
        raise Refused("unreadable")
    return replace(cell, tree=Operation("mul", (factor, cell.tree)))
