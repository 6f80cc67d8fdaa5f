"""Arithmetic with exact fractions where possible, else with mpmath.

Sizes are checked before a computation.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Final

from mpmath import mp

from harness.verify.model.expressions import Refused

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
