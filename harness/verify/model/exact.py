"""Exact arithmetic where possible, else with mpmath, and the value of a tree at a point.

Sizes are checked before a computation.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any, Final

from mpmath import mp

from harness.verify.model.expressions import TRIGONOMETRIC, Constant, Number, Operation, Refused, Symbol, Tree

MOST_DIGITS: Final = 10_000
_LARGEST_FACTORIAL: Final = 1_000
_LARGEST_LOGARITHM: Final = 1e5

# mpmath has no type annotations, so its real and complex numbers are Any here.
Value = Fraction | Any


class Undefined(ArithmeticError):  # noqa: N818  # not an error of the program
    """There is no value at this point, such as 1/0 or the factorial of -1."""


def refuse_oversized(value: Value) -> Value:
    """Return the value unchanged.

    Raises Refused where it has too many digits, and Undefined where it is not finite.
    """
    if isinstance(value, Fraction):
        if count_digits(value) > MOST_DIGITS:
            raise Refused("too_large")
    elif not mp.isfinite(value):
        raise Undefined
    return value


def count_digits(value: Fraction) -> float:
    """Return the approximate number of decimal digits of numerator and denominator."""
    return 0.30103 * (value.numerator.bit_length() + value.denominator.bit_length())


def to_real(value: Value) -> Value:
    """Return the value as a number of mpmath."""
    return mp.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def to_integer(value: Value) -> int | None:
    """Return the value as an integer; None where it is not exactly one."""
    return int(value) if isinstance(value, Fraction) and value.denominator == 1 else None


def add(left: Value, right: Value) -> Value:
    """Return left + right."""
    exact = isinstance(left, Fraction) and isinstance(right, Fraction)
    return left + right if exact else to_real(left) + to_real(right)


def multiply(left: Value, right: Value) -> Value:
    """Return left * right."""
    exact = isinstance(left, Fraction) and isinstance(right, Fraction)
    return left * right if exact else to_real(left) * to_real(right)


def divide(left: Value, right: Value) -> Value:
    """Return left / right. Raises Undefined for a zero divisor."""
    if right == 0:
        raise Undefined
    exact = isinstance(left, Fraction) and isinstance(right, Fraction)
    return left / right if exact else to_real(left) / to_real(right)


def power(base: Value, exponent: Value) -> Value:
    """Return base ** exponent: exact where possible, else the principal value.

    Integer exponents and exact roots of fractions are exact. Raises Undefined for 0 to a power that is not positive,
    and Refused for results that are too large.
    """
    if base == 0:
        return _power_of_zero(exponent)
    whole = to_integer(exponent)
    if whole is not None and isinstance(base, Fraction):
        if abs(whole) * count_digits(base) > 2 * MOST_DIGITS and abs(base) != 1:
            raise Refused("too_large")
        return base ** (whole % 2 if abs(base) == 1 else whole)
    if isinstance(exponent, Fraction) and isinstance(base, Fraction) and 1 < exponent.denominator <= 64:
        found = _exact_root(base, exponent.denominator)
        if found is not None:
            return power(found, Fraction(exponent.numerator))
    logarithm = mp.log(to_real(base))
    if abs(logarithm) * abs(to_real(exponent)) > _LARGEST_LOGARITHM:
        raise Refused("too_large")
    return to_real(base) ** whole if whole is not None else mp.exp(logarithm * to_real(exponent))


def root(value: Value, index: Value) -> Value:
    """Return the index-th root; the real one for a negative number and an odd index.

    Raises Undefined or Refused like ``power``.
    """
    whole = to_integer(index)
    if whole is not None and whole % 2 and isinstance(mp.re(to_real(value)), type(to_real(value))) and value < 0:
        return -root(-value, index)
    return power(value, divide(Fraction(1), index))


def factorial(value: Value) -> Value:
    """Return value!, with the gamma function for a non-integer.

    Raises Undefined for a negative integer, and Refused for arguments that are too large.
    """
    whole = to_integer(value)
    if abs(to_real(value)) > _LARGEST_FACTORIAL:
        raise Refused("too_large")
    if whole is None:
        return mp.gamma(to_real(value) + 1)
    if whole < 0:
        raise Undefined
    return Fraction(math.factorial(whole))


def double_factorial(value: Value) -> Value:
    """Return value!! of a non-negative integer.

    Raises Undefined for any other value, and Refused for arguments that are too large.
    """
    whole = to_integer(value)
    if whole is None or whole < 0:
        raise Undefined
    if whole > _LARGEST_FACTORIAL:
        raise Refused("too_large")
    return Fraction(math.prod(range(whole, 1, -2)))


def binomial(top: Value, bottom: Value) -> Value:
    """Return the binomial coefficient, with the gamma function for a non-integer.

    Raises Refused for arguments that are too large.
    """
    n, k = to_integer(top), to_integer(bottom)
    if max(abs(to_real(top)), abs(to_real(bottom))) > _LARGEST_FACTORIAL:
        raise Refused("too_large")
    if n is None or k is None or n < 0:
        return mp.binomial(to_real(top), to_real(bottom))
    return Fraction(math.comb(n, k) if k >= 0 else 0)


def floor(value: Value) -> Value:
    """Return the largest integer that is not larger than the value.

    A value just below an integer counts as that integer, because of rounding. Raises Undefined for a complex value, and
    Refused for one that is too large.
    """
    if isinstance(value, Fraction):
        return Fraction(math.floor(value))
    if mp.im(value):
        raise Undefined
    if abs(value) > mp.mpf(10) ** (mp.dps // 2):
        raise Refused("too_large")
    return Fraction(int(mp.floor(value + mp.mpf(10) ** (-mp.dps // 2))))


def _power_of_zero(exponent: Value) -> Value:
    if not isinstance(exponent, Fraction) or exponent <= 0:
        raise Undefined
    return Fraction(0)


def _exact_root(base: Fraction, index: int) -> Fraction | None:
    if base < 0:
        return None
    over, under = _integer_root(base.numerator, index), _integer_root(base.denominator, index)
    found = Fraction(over, under)
    return found if found**index == base else None


def _integer_root(value: int, index: int) -> int:
    if index == 2:
        return math.isqrt(value)
    low, high = 0, 1 << (value.bit_length() // index + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**index <= value else (low, middle - 1)
    return max(low, 1) if value else 0


_LARGEST_ANGLE: Final = 10**6

_ARITHMETIC: Final[Mapping[str, Callable[..., Value]]] = {
    "add": add,
    "mul": multiply,
    "div": divide,
    "pow": power,
    "root": root,
    "binom": binomial,
    "factorial": factorial,
    "double_factorial": double_factorial,
    "gamma": lambda value: factorial(add(value, Fraction(-1))),
    "floor": floor,
    "mod": lambda value, modulus: Fraction(_integer(value) % _integer(modulus)),
    "neg": lambda value: -value,
    "abs": abs,
    "ceil": lambda value: -floor(-value),
    "max": lambda *values: reduce(lambda a, b: a if _real(a) >= _real(b) else b, values),
    "min": lambda *values: reduce(lambda a, b: a if _real(a) <= _real(b) else b, values),
    "gcd": lambda *values: Fraction(math.gcd(*map(_integer, values))),
    "lcm": lambda *values: Fraction(math.lcm(*map(_integer, values))),
    "log": lambda value, base: divide(mp.log(_nonzero(value)), mp.log(_nonzero(base))),
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
            return to_real(degrees) * mp.pi / 180 if angle else degrees
        case Operation(name, operands):
            inside = name in TRIGONOMETRIC or (angle and name in ("add", "neg", "mul", "div"))
            values = [_value(operand, point, angle=inside) for operand in operands]
            return refuse_oversized(_apply(name, values))


def _apply(name: str, values: list[Value]) -> Value:
    if name.startswith("apply "):
        return _opaque(name, values)
    arithmetic = _ARITHMETIC.get(name)
    try:
        return _transcendental(name, *values) if arithmetic is None else arithmetic(*values)
    except (ZeroDivisionError, ValueError, OverflowError, TypeError, mp.NoConvergence) as error:
        raise Undefined from error


def _transcendental(name: str, argument: Value) -> Value:
    number = to_real(argument)
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
    known = ",".join(mp.nstr(to_real(argument), 25) for argument in values)
    digest = hashlib.blake2b(f"{name}({known})".encode(), digest_size=4).digest()
    return Fraction(int.from_bytes(digest, "big") % 9973 + 1, 997)


def _real(number: Value) -> Any:
    if mp.im(to_real(number)):
        raise Undefined
    return to_real(number)


def _integer(number: Value) -> int:
    whole = to_integer(number)
    if whole is None:
        raise Undefined
    return whole


def _nonzero(number: Value) -> Any:
    if number == 0:
        raise Undefined
    return to_real(number)
