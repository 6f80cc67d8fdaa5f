"""Data model of an answer: expression trees and the shapes an answer can have."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


class Refused(Exception):  # noqa: N818  # not an error of the program
    """An answer that is wrong as it stands; ``reason`` is a key of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


TRIGONOMETRIC: Final = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number; decimals too."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Symbol:
    """A letter, a word or a decorated letter: whatever stands for itself."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """``pi``, ``e``, ``i`` or ``infinity``."""

    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A named operation on operands; ``harness.verify.model.evaluate`` lists the names."""

    name: str
    operands: tuple[Tree, ...]


Tree = Number | Symbol | Constant | Operation


def nodes(tree: Tree) -> Iterator[Tree]:
    """The tree and everything in it."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Operation):
            waiting.extend(node.operands)


def symbols(tree: Tree) -> frozenset[str]:
    """Names of the symbols, and of the functions that stand for themselves."""
    return frozenset(name for node in nodes(tree) if (name := _free(node)) is not None)


def is_infinite(tree: Tree) -> bool:
    """Whether infinity is in it."""
    return any(node == Constant("infinity") for node in nodes(tree))


def _free(node: Tree) -> str | None:
    if isinstance(node, Symbol):
        return node.name
    if isinstance(node, Operation) and node.name.startswith("apply "):
        return node.name
    return None


Unit = tuple[tuple[str, int], ...]  # base units and their exponents, sorted; () for a unit that says nothing


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    letters: str  # letters and digits alone, lower case


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value."""

    tree: Tree
    unit: Unit | None = None
    percent: bool = False
    base: int | None = None  # of the digits it is written in


@dataclass(frozen=True, slots=True)
class Listing:
    """Several answers, or a set, in any order."""

    members: tuple[Shape, ...]
    braced: bool = False  # a set, which stays one member where it is in another
    either: bool = False  # with "or" between the members


@dataclass(frozen=True, slots=True)
class Brackets:
    """A tuple, a point, a vector or an interval: two brackets and what stands between them, in order."""

    opening: str
    closing: str
    members: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of cells; a column is a vector."""

    rows: tuple[tuple[Shape, ...], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """An interval of real numbers, or one number."""

    low: Tree
    high: Tree
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class Region:
    """A union of intervals and numbers."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Inequality:
    """Expressions with ``<``, ``le``, ``>``, ``ge`` or ``ne`` between them."""

    sides: tuple[Tree, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A value behind its name: ``x=3``, ``f(x)=2x``."""

    name: str
    variable: str | None  # of a function
    value: Shape
    left: Tree | None  # the name as an expression
    right: str = ""  # the value as it is written


@dataclass(frozen=True, slots=True)
class Equation:
    """Two expressions with ``=`` between them."""

    left: Tree
    right: Scalar
    quantity: bool  # whether the left side only names what is asked, such as ``m+n``


@dataclass(frozen=True, slots=True)
class Chain:
    """Values that are claimed to be equal: ``1/2=0.5``; ``rough``: up to the digits given."""

    values: tuple[Shape, ...]
    rough: bool


@dataclass(frozen=True, slots=True)
class Ratio:
    """``3:4``, or a time of day."""

    parts: tuple[Tree, ...]
    clock: bool
    suffix: str  # "am", "pm" or nothing


@dataclass(frozen=True, slots=True)
class Congruence:
    """Residue classes of one modulus, with or without a name before them."""

    name: Tree | None
    residues: tuple[Tree, ...]
    modulus: Tree


Shape = (
    Text | Scalar | Listing | Brackets | Matrix | Region | Inequality | Named | Equation | Chain | Ratio | Congruence
)
