r"""Parse and compare residue classes: ``x \equiv 3 \pmod 7``, or ``x = 7k+3``."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from harness.verify.model.equality import evaluate_trees, is_equal
from harness.verify.model.expressions import (
    Congruence,
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
)
from harness.verify.parse.expressions import parse_scalar
from harness.verify.parse.tokenizer import Token, Tokens, iterate_depths, split_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

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
