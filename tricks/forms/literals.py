"""Values of Python expressions that hold no more than literals, arithmetic of them and names of literals."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from tricks.forms.reading import DEEPEST

UNKNOWN: Final = object()  # the value of an expression that is not plain
_LARGEST: Final = 1e60
_OPERATORS: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def read_literal(node: ast.expr, names: Mapping[str, Any], depth: int = 0) -> Any:
    """Return the plain value of an expression, or UNKNOWN. Nothing is evaluated but arithmetic of numbers.

    Args:
        node: the expression
        names: values of names that are assigned once to a literal
        depth: levels of expressions around this one

    """
    if depth > DEEPEST:
        return UNKNOWN
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=name):
            return names.get(name, UNKNOWN)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not() as sign, operand=part):
            return _unary(sign, read_literal(part, names, depth + 1))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            parts = [read_literal(part, names, depth + 1) for part in (left, right)]
            return _binary(_OPERATORS[type(sign)], *parts)
        case _:
            return _collection(node, names, depth)


def _collection(node: ast.expr, names: Mapping[str, Any], depth: int) -> Any:
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return _known([read_literal(part, names, depth + 1) for part in parts])
        case ast.Dict(keys=keys, values=parts):
            return _mapping(keys, parts, names, depth)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            keys = [None if each.arg is None else ast.Constant(each.arg) for each in keywords]
            return _mapping(keys, [each.value for each in keywords], names, depth)
        case _:
            return UNKNOWN


def _known(parts: list[Any]) -> Any:
    return UNKNOWN if any(part is UNKNOWN for part in parts) else parts


def _mapping(keys: list[Any], parts: list[ast.expr], names: Mapping[str, Any], depth: int) -> Any:
    found: dict[Any, Any] = {}
    for key, part in zip(keys, parts, strict=True):
        value = read_literal(part, names, depth + 1)
        if value is UNKNOWN:
            return UNKNOWN
        if key is None:  # ** of a mapping
            if not isinstance(value, dict):
                return UNKNOWN
            found |= value
            continue
        name = read_literal(key, names, depth + 1)
        if name is UNKNOWN or isinstance(name, (list, dict)):
            return UNKNOWN
        found[name] = value
    return found


def _unary(sign: ast.unaryop, value: Any) -> Any:
    if isinstance(sign, ast.Not):
        return not value if isinstance(value, bool) else UNKNOWN
    if type(value) not in (int, float):
        return UNKNOWN
    return -value if isinstance(sign, ast.USub) else value


def _binary(function: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    if type(one) is type(other) is str and function is operator.add and len(one) + len(other) < 10_000:
        return one + other
    if not all(type(value) in (int, float) and abs(value) < _LARGEST for value in (one, other)):
        return UNKNOWN
    if function is operator.pow and abs(other) > 64:
        return UNKNOWN
    try:
        value = function(one, other)
    except (ArithmeticError, ValueError):
        return UNKNOWN
    return value if type(value) in (int, float) else UNKNOWN
