"""Rename the constants of an answer that may have any name."""

import re
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Final

from harness.verify.model import (
    Brackets,
    Constant,
    Listing,
    Named,
    Operation,
    Scalar,
    Shape,
    Symbol,
    Tree,
    collect_symbols,
    walk_nodes,
)

_MOST: Final = 4  # maximum number of constants, which are tried in every order
_CONSTANT: Final = re.compile(r"[cC](?:_\d)?")
_NAMED_CONSTANT: Final = re.compile(r"[cCkKAB](?:_\d)?")
_CHOSEN: Final = re.compile(r"(?:[a-dkmpqA-DKM]|alpha|beta|lambda|mu)(?:_\d)?")
_WHOLE: Final = re.compile(r"[kmnlj]")
_OPERATOR: Final = (
    r"\\(?:sum|prod|bigcup|bigcap|max|min|lim)(?![A-Za-z])(?:\\limits)?\s*_\s*"
    r"\{\s*(?P<bound>[A-Za-z])\s*(?:=|\\in|\\to|\\ge|\\le)"
)
_INTEGRAL: Final = (
    r"\\int(?:\\limits)?\s*_\s*(?:\{[^{}]*\}|[^{}\\\s])\s*\^.{1,200}?(?<![A-Za-z\\])d\s*(?P<over>[A-Za-z])(?![A-Za-z])"
)
_RUN: Final = re.compile(
    r"(?<![A-Za-z\\])(?!(?:sin|cos|tan|cot|sec|csc|log|ln|exp|min|max|gcd|lcm|mod|det|sqrt)(?![A-Za-z]))[A-Za-z]+"
)
_BOUND: Final = re.compile(rf"{_OPERATOR}|(?={_INTEGRAL})\\int", re.DOTALL)


def rename_constants(gold: Shape, answer: Shape) -> Iterator[Shape]:
    """Yield the answer with its free constants renamed to those of the gold answer.

    All orders of the constants are tried.
    """
    wanted, given = _symbols(gold), _symbols(answer)
    free = _free_constants(gold)
    if not free or len(free) > _MOST or len(wanted - free) > len(given):
        return
    chosen = given - (wanted - free)
    pattern = _WHOLE if all(_WHOLE.fullmatch(name) for name in free) else _CHOSEN
    if len(chosen) != len(free) or not wanted - free <= given or not all(map(pattern.fullmatch, chosen)):
        return
    order = sorted(free)
    for names in permutations(sorted(chosen)):
        mapping = dict(zip(names, order, strict=True))
        if any(old != new for old, new in mapping.items()):
            yield _renamed(answer, mapping)


def rename_bound_variables(gold: str, answer: str) -> str | None:
    r"""Rename the bound variables of ``\sum``, ``\int`` etc. to those of the gold answer.

    Return None where the names agree or cannot be changed.
    """
    wanted, given = _bound(gold), _bound(answer)
    if not wanted or len(wanted) != len(given) or wanted == given:
        return None
    mapping = dict(zip(given, wanted, strict=True))
    old, new = set(mapping), set(mapping.values())
    if (
        len(mapping) != len(given)
        or len(new) != len(old)
        or (new - old) & _letters(answer)
        or (old - new) & _letters(gold)
    ):
        return None
    return _RUN.sub(lambda run: "".join(mapping.get(letter, letter) for letter in run[0]), answer)


def _letters(text: str) -> set[str]:
    """Return the letters of names, such as both of ``xy``, but not of commands and functions."""
    return {letter for run in _RUN.findall(text) for letter in run}


def _bound(text: str) -> list[str]:
    return [found["bound"] or found["over"] for found in _BOUND.finditer(text)]


def _free_constants(gold: Shape) -> frozenset[str]:
    """Return the names in the gold answer that are free constants, not given quantities.

    In ``y=...`` and ``f(x)=...`` these are the usual letters of a constant. In a sum with a variable they are c and C,
    also with an index. If multiples of pi are added, they are the letters of integers.
    """
    names = _symbols(gold)
    solved = isinstance(gold, Named) and (gold.variable is not None or gold.name in ("y", "u", "x"))
    own = gold.variable or gold.name if isinstance(gold, Named) else ""
    trees = list(_trees(gold))
    whole = {
        name for tree in trees if _is_named(gold) for name in names if _WHOLE.fullmatch(name) and _is_period(tree, name)
    }
    if whole:
        return frozenset(whole) if len(names - {own}) == len(whole) else frozenset()
    pattern = _NAMED_CONSTANT if solved else _CONSTANT
    free = frozenset(name for name in names if pattern.fullmatch(name) and name != own)
    if solved:
        return free
    return (
        free
        if len(trees) == 1 and names - free and all(_is_once_in_sum(trees[0], name) for name in free)
        else frozenset()
    )


def _is_named(shape: Shape) -> bool:
    return isinstance(shape, Named) or (isinstance(shape, Listing) and any(map(_is_named, shape.members)))


def _is_period(tree: Tree, name: str) -> bool:
    """Return whether ``name`` times pi is one term of a sum."""
    return (
        any(
            collect_symbols(term) == {name}
            and any(node == Constant("pi") for node in walk_nodes(term))
            and not _is_nested(term, name)
            for term in _terms(tree)
        )
        and len(list(_terms(tree))) > 1
    )


def _is_nested(tree: Tree, name: str) -> bool:
    return any(
        isinstance(node, Operation) and node.name not in ("mul", "div", "neg") and name in collect_symbols(node)
        for node in walk_nodes(tree)
    )


def _terms(tree: Tree) -> Iterator[Tree]:
    if isinstance(tree, Operation) and tree.name == "add":
        for operand in tree.operands:
            yield from _terms(operand)
    else:
        yield tree


def _is_once_in_sum(tree: Tree, name: str) -> bool:
    """Return whether a name occurs once, as a term or factor of a term.

    The term must belong to a sum with a variable.
    """
    if sum(node == Symbol(name) for node in walk_nodes(tree)) != 1:
        return False
    if _is_factor_of_decay(tree, name):
        return True
    for node in walk_nodes(tree):
        if isinstance(node, Operation) and node.name == "add":
            terms = list(_terms(node))
            holding = [term for term in terms if name in collect_symbols(term)]
            if len(holding) == 1 and not _is_nested(holding[0], name) and _is_constant_term(holding[0], terms, name):
                return True
    return False


def _is_factor_of_decay(tree: Tree, name: str) -> bool:
    """Return whether a tree is the constant times a power of e, as in ``c e^{-2t}``.

    The power must have exactly one variable.
    """
    powers = [
        node
        for node in walk_nodes(tree)
        if isinstance(node, Operation) and node.name == "pow" and node.operands[0] == Constant("e")
    ]
    others = collect_symbols(tree) - {name}
    return (
        len(powers) == 1
        and len(others) == 1
        and others <= collect_symbols(powers[0])
        and not any(isinstance(node, Operation) and node.name == "add" for node in walk_nodes(tree))
        and not _is_nested(tree, name)
        and sum(isinstance(node, Symbol) for node in walk_nodes(tree)) == 2
    )


def _is_constant_term(term: Tree, terms: list[Tree], name: str) -> bool:
    """Return whether the other factors of the term are functions of variables of the sum."""
    others = collect_symbols(term) - {name}
    rest = {symbol for one in terms if one is not term for symbol in collect_symbols(one)}
    powers = [node for node in walk_nodes(term) if isinstance(node, Operation) and node.name in _FUNCTIONS]
    held = {symbol for node in powers for symbol in collect_symbols(node)}
    added = bool(rest) and name != "c"  # in c + t, the letter c may just as well be a given quantity
    return others <= held and (bool(others) or added)


_FUNCTIONS: Final = frozenset({"pow", "sin", "cos", "tan", "sinh", "cosh", "log", "root"})


def _trees(shape: Shape) -> Iterator[Tree]:
    match shape:
        case Scalar(tree):
            yield tree
        case Named(_, _, value, _):
            yield from _trees(value)
        case Listing(members) | Brackets(_, _, members):
            for member in members:
                yield from _trees(member)


def _symbols(shape: Shape) -> frozenset[str]:
    return frozenset(name for tree in _trees(shape) for name in collect_symbols(tree))


def _renamed(shape: Shape, names: Mapping[str, str]) -> Shape:
    match shape:
        case Scalar(tree):
            return Scalar(_tree(tree, names), shape.unit, shape.percent, shape.base)
        case Named():
            return Named(shape.name, shape.variable, _renamed(shape.value, names), shape.left, shape.right)
        case Listing(members):
            return Listing(tuple(_renamed(member, names) for member in members), shape.braced)
        case Brackets(opening, closing, members):
            return Brackets(opening, closing, tuple(_renamed(member, names) for member in members))
    return shape


def _tree(tree: Tree, names: Mapping[str, str]) -> Tree:
    if isinstance(tree, Symbol):
        return Symbol(names.get(tree.name, tree.name))
    if isinstance(tree, Operation):
        return Operation(tree.name, tuple(_tree(operand, names) for operand in tree.operands))
    return tree
