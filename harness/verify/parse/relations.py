"""Parse equations, inequalities, memberships and chains of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.verify.model.expressions import (
    Chain,
    Constant,
    Equation,
    Inequality,
    Named,
    Operation,
    Refused,
    Scalar,
    Shape,
    Symbol,
    Tree,
    collect_symbols,
)
from harness.verify.parse.cursor import find_function_name, resolve_symbol, split_letters
from harness.verify.parse.expressions import parse_scalar
from harness.verify.parse.tokenizer import Token, Tokens, is_one_bracket, iterate_depths

Read = Callable[[Tokens], Shape]

ORDERS: Final = ("<", ">", "\\le", "\\ge", "\\ne")
_EQUALS: Final = ("=", "\\approx")
_RELATIONS: Final = (*ORDERS, *_EQUALS, "\\in")
_APPLIED: Final = frozenset({"P", "E", "Pr", "Var", "f", "g", "h", "p", "F", "G", "H", "N"})
_LONGEST_NAME: Final = 3  # maximum number of letters in the name of a segment or triangle


def parse_relation(parts: Tokens, read: Read) -> Shape | None:
    """Parse tokens as a relation; None where they are not. ``read`` parses one side.

    Raises Refused for a mixture of relations or an invalid side.
    """
    found = [(at, token.text) for at, token, depth in iterate_depths(parts) if depth == 0 and token.is_(*_RELATIONS)]
    if not found:
        return None
    ends = [at for at, _ in found]
    sides = [parts[start:end] for start, end in zip([0, *(at + 1 for at in ends)], [*ends, len(parts)], strict=True)]
    signs = tuple(sign for _, sign in found)
    if signs == ("\\in",):
        return _belonging(sides, read)
    if all(sign in _EQUALS for sign in signs):
        return _equal(sides, signs, read)
    if all(sign in ORDERS for sign in signs):
        return Inequality(tuple(_side(side) for side in sides), signs)
    raise Refused("unreadable")


def _side(parts: Tokens) -> Tree:
    """Parse a side of an inequality; the value of a function counts as a variable."""
    tree = parse_scalar(parts)
    applied = isinstance(tree, Operation) and tree.name.startswith("apply ")
    return Symbol(_written(parts)) if applied else tree


def _belonging(sides: list[Tokens], read: Read) -> Shape:
    if not _names_only(sides[0]):
        raise Refused("unreadable")
    return read(sides[1])


def _equal(sides: list[Tokens], signs: tuple[str, ...], read: Read) -> Shape:
    left, *others = sides
    rough = "\\approx" in signs
    if not left:
        raise Refused("unreadable")
    if is_name(left):
        value = read(others[0]) if len(others) == 1 else _equal(others, signs[1:], read)
        if signs[0] == "\\approx" and not isinstance(value, Chain):
            value = Chain((value,), rough=True)
        return Named(_written(left), _variable(left), value, _tree(left), _written(others[0]))
    if len(sides) == 2 and not rough:
        equation = _equation(left, read(others[0]))
        if equation is not None:
            return equation
    return Chain(tuple(read(side) for side in sides), rough)


def _equation(left: Tokens, right: Shape) -> Shape | None:
    tree = _tree(left)
    if tree is None or not isinstance(right, Scalar):
        if tree is None and _names_only(left):
            return Named(_written(left), None, right, None)
        return None
    if not collect_symbols(tree) and not collect_symbols(right.tree):
        return None
    return Equation(tree, right, quantity=_names_only(left) and not left[0].is_("-"))


def is_name(parts: Tokens) -> bool:
    r"""Return whether tokens are a name.

    Examples are ``x``, ``f(x)``, ``AB``, ``\angle ABC``, ``(x, y)`` and ``\text{the area}``.
    """
    if any(token.kind == "word" and len(token.text) > 1 and find_function_name(token) is None for token in parts):
        return all(token.kind in ("word", "letters") or token.is_("(", ")", "'") for token in parts)
    if _is_vector(parts) or _is_figure(parts) or _is_applied(parts):
        return True
    tree = _tree(parts)
    return isinstance(tree, Symbol) or (isinstance(tree, Operation) and tree.name.startswith("apply "))


def _is_vector(parts: Tokens) -> bool:
    inside = [token for token in parts if not token.is_("(", ")", ",")]
    bracketed = len(parts) > 4 and parts[0].is_("(") and parts[-1].is_(")") and any(token.is_(",") for token in parts)
    return bracketed and all(_is_letter(token) for token in inside)


def _is_letter(token: Token) -> bool:
    return isinstance(resolve_symbol(token), Symbol | Constant) and (token.kind == "command" or len(token.text) == 1)


def _is_applied(parts: Tokens) -> bool:
    r"""Return whether a letter such as P precedes a bracket: ``P(A \cap B)``, ``f(2)``."""
    return len(parts) > 3 and parts[0].kind == "letters" and parts[0].text in _APPLIED and is_one_bracket(parts[1:])


def _is_figure(parts: Tokens) -> bool:
    pieces = [
        token for token in split_letters(parts) if not token.is_("|", "[", "]", "\\angle", "\\triangle", "{", "}")
    ]
    named = all(token.kind in ("letters", "word") and token.text.isupper() for token in pieces)
    return named and 1 <= sum(len(token.text) for token in pieces) <= _LONGEST_NAME


def _names_only(parts: Tokens) -> bool:
    """Return whether tokens are only letters and signs.

    Digits are allowed as an index or as the argument of a function.
    """
    tree = _tree(parts)
    if tree is None:
        return bool(parts) and (_is_vector(parts) or all(token.kind in ("word", "letters") for token in parts))
    return bool(collect_symbols(tree)) and not any(_counts(parts, at) for at in range(len(parts)))


def _counts(parts: Tokens, at: int) -> bool:
    if parts[at].kind != "number":
        return False
    before = [token.text for token in parts[max(at - 2, 0) : at]]
    return "_" not in before and not (before[-1:] == ["("] and len(before) == 2 and before[0].isalpha())


def _tree(parts: Tokens) -> Tree | None:
    try:
        return parse_scalar(parts)
    except Refused:
        return None


def _variable(parts: Tokens) -> str | None:
    match _tree(parts):
        case Operation(_, (Symbol(name),)):
            return name
    return None


def _written(parts: Tokens) -> str:
    return "".join(token.text.removeprefix("\\") for token in parts if not token.is_("{", "}"))
