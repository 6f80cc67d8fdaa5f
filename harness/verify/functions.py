r"""Functions with their power, base and argument: ``\sin^2 2t``, ``\log_2 n``, ``\max(a, b)``."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from harness.verify.errors import Refused
from harness.verify.names import TRIGONOMETRIC, function, known
from harness.verify.tree import Constant, Number, Operation, Symbol, Tree

if TYPE_CHECKING:
    from harness.verify.scalars import ScalarReader

_SEVERAL: Final = frozenset({"max", "min", "gcd", "lcm"})
_MINUS_ONE: Final = Operation("neg", (Number(Fraction(1)),))
_TEN: Final = Number(Fraction(10))
_GROUPS: Final = ("\\frac", "\\sqrt", "{")


def call(reader: ScalarReader) -> Tree:
    """The function that comes next, applied."""
    name = function(reader.next()) or ""
    base = _base(reader, name)
    exponent = reader.script() if reader.take("^") else None
    if name in _SEVERAL:
        return Operation(name, reader.arguments())
    if exponent == _MINUS_ONE and name in TRIGONOMETRIC:
        return _applied("arc" + name, base, _argument(reader))
    applied = _applied(name, base, _argument(reader))
    return applied if exponent is None else Operation("pow", (applied, exponent))


def _base(reader: ScalarReader, name: str) -> Tree | None:
    if not reader.take("_"):
        return _TEN if name in ("log", "lg") else None
    if name != "log":
        raise Refused("unreadable")
    token, behind = reader.peek(), reader.peek(1)
    packed = token is not None and token.kind == "number" and (behind is None or behind.is_("+", "-", ")", "}"))
    return reader.digit() if packed else reader.script()


def _applied(name: str, base: Tree | None, argument: Tree) -> Tree:
    if name == "exp":
        return Operation("pow", (Constant("e"), argument))
    if name == "cis":
        return Operation(
            "add", (Operation("cos", (argument,)), Operation("mul", (Constant("i"), Operation("sin", (argument,)))))
        )
    if name == "ln":
        return Operation("log", (argument, Constant("e")))
    return Operation(name if base is None else "log", (argument,) if base is None else (argument, base))


def _argument(reader: ScalarReader) -> Tree:
    """A bracket, or the factors that follow up to a sign, a bracket or another function."""
    if reader.is_next("(", "["):
        return reader.group()
    alone = reader.is_next(*_GROUPS)
    tree = reader.power()
    while not alone and _continues(reader):
        tree = Operation("mul", (tree, reader.power()))
    return tree


def _continues(reader: ScalarReader) -> bool:
    token = reader.peek()
    if token is None or function(token) is not None:
        return False
    return isinstance(known(token), Symbol | Constant) or reader.is_next(*_GROUPS[:2])
