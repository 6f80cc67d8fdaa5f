"""The data model of an answer: expression trees, and the shapes that an answer can have."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


class Refused(Exception):  # noqa: N818  # not an error of the program
    """An answer is incorrect as it is written; ``reason`` is a key of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


TRIGONOMETRIC: Final = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number, integer or decimal."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol: a letter, a word or a decorated letter."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """The constant ``pi``, ``e``, ``i`` or ``infinity``."""

    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A named operation on operands. ``harness.verify.model.exact`` lists the names."""

    name: str
    operands: tuple[Tree, ...]


Tree = Number | Symbol | Constant | Operation


def walk_nodes(tree: Tree) -> Iterator[Tree]:
    """Yield the tree and all its subtrees."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Operation):
            waiting.extend(node.operands)


def collect_symbols(tree: Tree) -> frozenset[str]:
    """Return the names of symbols and of unknown functions in a tree."""
    return frozenset(name for node in walk_nodes(tree) if (name := _free(node)) is not None)


def is_infinite(tree: Tree) -> bool:
    """Return whether a tree contains infinity."""
    return any(node == Constant("infinity") for node in walk_nodes(tree))


def _free(node: Tree) -> str | None:
    if isinstance(node, Symbol):
        return node.name
    if isinstance(node, Operation) and node.name.startswith("apply "):
        return node.name
    return None


Unit = tuple[tuple[str, int], ...]  # base units and their exponents, sorted; () for a unit without meaning


@dataclass(frozen=True, slots=True)
class Text:
    """An answer in words."""

    letters: str  # only letters and digits, in lower case


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value."""

    tree: Tree
    unit: Unit | None = None
    percent: bool = False
    base: int | None = None  # base of its digits, where one is written


@dataclass(frozen=True, slots=True)
class Listing:
    """Several answers or a set, in any order."""

    members: tuple[Shape, ...]
    braced: bool = False  # a set, which remains one member inside another listing
    either: bool = False  # members are separated by "or"


@dataclass(frozen=True, slots=True)
class Brackets:
    """A tuple, point, vector or interval: two brackets with members in order."""

    opening: str
    closing: str
    members: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix as rows of cells. A column is a vector."""

    rows: tuple[tuple[Shape, ...], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """An interval of real numbers, or a single number."""

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
    """Expressions separated by ``<``, ``le``, ``>``, ``ge`` or ``ne``."""

    sides: tuple[Tree, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A value with its name: ``x=3``, ``f(x)=2x``."""

    name: str
    variable: str | None  # the variable of a function
    value: Shape
    left: Tree | None  # the name as an expression
    right: str = ""  # the text of the value


@dataclass(frozen=True, slots=True)
class Equation:
    """Two expressions separated by ``=``."""

    left: Tree
    right: Scalar
    quantity: bool  # True: the left side only names what is asked, such as ``m+n``


@dataclass(frozen=True, slots=True)
class Chain:
    """Values that are claimed to be equal: ``1/2=0.5``.

    ``rough`` means equal up to the digits given.
    """

    values: tuple[Shape, ...]
    rough: bool


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio such as ``3:4``, or a time of day."""

    parts: tuple[Tree, ...]
    clock: bool
    suffix: str  # "am", "pm" or nothing


@dataclass(frozen=True, slots=True)
class Congruence:
    """Residue classes of one modulus, with or without a name."""

    name: Tree | None
    residues: tuple[Tree, ...]
    modulus: Tree


Shape = (
    Text | Scalar | Listing | Brackets | Matrix | Region | Inequality | Named | Equation | Chain | Ratio | Congruence
)
