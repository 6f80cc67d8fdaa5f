"""Parse equations, inequalities, memberships, chains of them and residue classes."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from harness.verify.model import (
    Chain,
    Congruence,
    Constant,
    Equation,
    Inequality,
    Listing,
    Named,
    Number,
    Operation,
    Refused,
    Scalar,
    Shape,
    Symbol,
    Tree,
    collect_symbols,
    evaluate_trees,
    is_equal,
)
from harness.verify.parse.cursor import find_function_name, resolve_symbol, split_letters
from harness.verify.parse.expressions import parse_scalar
from harness.verify.parse.tokenizer import Token, Tokens, is_one_bracket, iterate_depths, split_tokens

_MODULI: Final = ("\\pmod", "\\bmod")
_COUNTERS: Final = frozenset("jklmnqrst")  # letters that stand for any integer in ``7k+3``


def parse_congruence(parts: Tokens) -> Shape | None:
    """Parse tokens as residue classes; return None where they are not."""
    if not any(token.is_(*_MODULI) for token in parts):
        return None
    pieces = [_piece(piece) for piece in split_tokens(parts, ",", ";", "\\lor", "\\land") if piece]
    if not pieces or any(piece is None for piece in pieces) or pieces[-1] is None or pieces[-1][2] is None:
        return None
    found: list[Congruence] = []
    name, modulus = None, None
    for one, residues, own in reversed([piece for piece in pieces if piece is not None]):
        modulus = own or modulus
        found.append(Congruence(one, tuple(map(parse_scalar, residues)), parse_scalar(modulus or ())))
    names = [one.name for one in found if one.name is not None]
    name = names[0] if names else None
    if any(one != name for one in names):
        return None
    if all(one.modulus == other.modulus for one, other in pairwise(found)):
        return Congruence(name, tuple(residue for one in found for residue in one.residues), found[0].modulus)
    return Listing(tuple(Congruence(name, one.residues, one.modulus) for one in found))


def find_class_difference(gold: Congruence, answer: Shape) -> str | None:
    """Return why an answer is not the gold answer's residue classes; None where it is."""
    if isinstance(answer, Congruence):
        if gold.name is not None and answer.name is not None and gold.name != answer.name:
            return "different"
        same = is_equal(gold.modulus, answer.modulus) and _same_residues(gold.residues, answer.residues, gold.modulus)
        return None if same else "different"
    members = answer.members if isinstance(answer, Listing) else (answer,)
    lines = [_line(gold, member) for member in members]
    if any(line is None for line in lines):
        return "other_form"
    residues = tuple(line[0] for line in lines if line is not None)
    moduli = [line[1] for line in lines if line is not None]
    if not all(is_equal(gold.modulus, Number(abs(modulus))) for modulus in moduli):
        return "different"
    return None if _same_residues(gold.residues, residues, gold.modulus) else "different"


def is_least(residue: Tree, modulus: Tree) -> bool:
    r"""Return whether a residue can be a remainder: ``3 \pmod 7``, but not ``3 \pmod 2``."""
    match residue, modulus:
        case Number(left), Number(size):
            return left < size
    return True


def _piece(parts: Tokens) -> tuple[Tree | None, list[Tokens], Tokens | None] | None:
    """Return name, residues and modulus of one congruence; None for other tokens."""
    parts, modulus = _modulus(parts)
    sides = split_tokens(parts, "\\equiv", "=")
    if len(sides) > 2 or not all(sides):
        return None
    name = parse_scalar(sides[0]) if len(sides) == 2 else None
    residue = sides[-1]
    if any(token.is_("\\pm", "\\mp") for token in residue):
        signs = [[Token("sign", sign) if token.is_("\\pm") else token for token in residue] for sign in "+-"]
        return name, list(signs), modulus
    return name, [residue], modulus


def _modulus(parts: Tokens) -> tuple[Tokens, Tokens | None]:
    """Split tokens into the part before the modulus, and the modulus.

    Raises Refused where the modulus is empty or there are two.
    """
    at = next(
        (at for at, token, depth in iterate_depths(parts) if token.is_(*_MODULI) and _is_outside(parts, at, depth)),
        None,
    )
    if at is None:
        return parts, None
    before, behind = parts[:at], parts[at + 1 :]
    if before and before[-1].is_("(") and behind and behind[-1].is_(")"):
        before, behind = before[:-1], behind[:-1]
    if not behind or any(token.is_(*_MODULI) for token in behind):
        raise Refused("unreadable")
    return before, behind


def _is_outside(parts: Tokens, at: int, depth: int) -> bool:
    r"""Return whether a modulus applies to the whole; in ``(m \bmod 2)`` it does not.

    The modulus is outside of all brackets, or alone in the last one.
    """
    return depth == 0 or (depth == 1 and at > 1 and parts[at - 1].is_("(") and parts[-1].is_(")"))


def _same_residues(one: Sequence[Tree], other: Sequence[Tree], modulus: Tree) -> bool:
    return _covered(one, other, modulus) and _covered(other, one, modulus)


def _covered(some: Sequence[Tree], others: Sequence[Tree], modulus: Tree) -> bool:
    return all(any(_same_class(one, other, modulus) for other in others) for one in some)


def _same_class(one: Tree, other: Tree, modulus: Tree) -> bool:
    if is_equal(one, other):
        return True
    difference = Operation("add", (one, Operation("neg", (other,))))
    found = (
        evaluate_trees((difference, modulus), {})
        if not collect_symbols(difference) | collect_symbols(modulus)
        else None
    )
    if found is None or not all(isinstance(number, Fraction) for number in found) or found[1] == 0:
        return False
    return (found[0] / found[1]).denominator == 1


def _line(gold: Congruence, member: Shape) -> tuple[Tree, Fraction] | None:
    """Return residue and modulus of ``7k+3``; None where a member has another form."""
    if isinstance(member, Named):
        if gold.name is not None and member.left != gold.name:
            return None
        member = member.value
    if not isinstance(member, Scalar) or member.unit or member.percent or len(collect_symbols(member.tree)) != 1:
        return None
    (letter,) = collect_symbols(member.tree)
    if letter not in _COUNTERS or gold.name == Symbol(letter):
        return None
    found = [evaluate_trees((member.tree,), {letter: Fraction(at)}) for at in (0, 1)]
    if any(one is None or not isinstance(one[0], Fraction) or one[0].denominator != 1 for one in found):
        return None
    start, slope = found[0][0], found[1][0] - found[0][0]  # type: ignore[index]  # neither is None
    line = Operation("add", (Number(start), Operation("mul", (Number(slope), Symbol(letter)))))
    return (Number(start), slope) if slope and is_equal(member.tree, line) else None


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
