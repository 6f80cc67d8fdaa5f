"""An expression as a tree: numbers, symbols, and operations on them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    """A named operation on operands; ``harness.verify.evaluate`` lists the names."""

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
