"""Evaluate a tree at a point: exactly where possible, else with ``mp.dps`` digits."""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from mpmath import mp

from harness.verify.model import exact
from harness.verify.model.exact import Undefined, Value
from harness.verify.model.expressions import TRIGONOMETRIC, Constant, Number, Operation, Refused, Symbol, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LARGEST_ANGLE: Final = 10**6

_ARITHMETIC: Final[Mapping[str, Callable[..., Value]]] = {
    "add": exact.add,
    "mul": exact.multiply,
    "div": exact.divide,
    "pow": exact.power,
    "root": exact.root,
    "binom": exact.binomial,
    "factorial": exact.factorial,
    "double_factorial": exact.double_factorial,
    "gamma": lambda value: exact.factorial(exact.add(value, Fraction(-1))),
    "floor": exact.floor,
    "mod": lambda value, modulus: Fraction(_integer(value) % _integer(modulus)),
    "neg": lambda value: -value,
    "abs": abs,
    "ceil": lambda value: -exact.floor(-value),
    "max": lambda *values: reduce(lambda a, b: a if _real(a) >= _real(b) else b, values),
    "min": lambda *values: reduce(lambda a, b: a if _real(a) <= _real(b) else b, values),
    "gcd": lambda *values: Fraction(math.gcd(*map(_integer, values))),
    "lcm": lambda *values: Fraction(math.lcm(*map(_integer, values))),
    "log": lambda value, base: exact.divide(mp.log(_nonzero(value)), mp.log(_nonzero(base))),
}
_MPMATH: Final = {
    **{
        name: name
        for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "sech", "csch")
    },
    **{"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc"},
    **{"arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh"},
}


def evaluate_tree(tree: Tree, point: Mapping[str, Fraction]) -> Value:
    """Return the value of a tree where the symbols have the values of ``point``.

    Raises Undefined where there is none, KeyError for a symbol that the point lacks, and Refused for numbers too large
    for an answer.
    """
    return _value(tree, point, angle=False)


def _value(tree: Tree, point: Mapping[str, Fraction], *, angle: bool) -> Value:
    match tree:
        case Number(number):
            return number
        case Symbol(name):
            return point[name]
        case Constant(name):
            return _constant(name)
        case Operation("degree", (operand,)):
            degrees = _value(operand, point, angle=angle)
            return exact.to_real(degrees) * mp.pi / 180 if angle else degrees
        case Operation(name, operands):
            inside = name in TRIGONOMETRIC or (angle and name in ("add", "neg", "mul", "div"))
            values = [_value(operand, point, angle=inside) for operand in operands]
            return exact.refuse_oversized(_apply(name, values))


def _apply(name: str, values: list[Value]) -> Value:
    if name.startswith("apply "):
        return _opaque(name, values)
    arithmetic = _ARITHMETIC.get(name)
    try:
        return _transcendental(name, *values) if arithmetic is None else arithmetic(*values)
    except (ZeroDivisionError, ValueError, OverflowError, TypeError, mp.NoConvergence) as error:
        raise Undefined from error


def _transcendental(name: str, argument: Value) -> Value:
    number = exact.to_real(argument)
    if abs(number) > _LARGEST_ANGLE:
        raise Refused("too_large")
    if argument == 0 and name in ("sin", "tan", "arcsin", "arctan", "sinh", "tanh"):
        return Fraction(0)
    return getattr(mp, _MPMATH[name])(number)


def _constant(name: str) -> Value:
    if name == "infinity":
        raise Undefined
    return {"pi": mp.pi, "e": mp.e, "i": mp.mpc(0, 1)}[name] + mp.mpf(0)


def _opaque(name: str, values: list[Value]) -> Value:
    """Return the value of an unknown function: a number that depends on name and arguments."""
    known = ",".join(mp.nstr(exact.to_real(argument), 25) for argument in values)
    digest = hashlib.blake2b(f"{name}({known})".encode(), digest_size=4).digest()
    return Fraction(int.from_bytes(digest, "big") % 9973 + 1, 997)


def _real(number: Value) -> Any:
    if mp.im(exact.to_real(number)):
        raise Undefined
    return exact.to_real(number)


def _integer(number: Value) -> int:
    whole = exact.to_integer(number)
    if whole is None:
        raise Undefined
    return whole


def _nonzero(number: Value) -> Any:
    if number == 0:
        raise Undefined
    return exact.to_real(number)
