"""Parse plain LaTeX into the shape of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from harness.verify.model import (
    EVERYTHING,
    MOST_CHARACTERS,
    Brackets,
    Chain,
    Inequality,
    Listing,
    Matrix,
    Number,
    Refused,
    Region,
    Shape,
    Text,
    collect_symbols,
    intersection,
    subtract_points,
    to_region,
    union,
)
from harness.verify.parse.cursor import split_letters
from harness.verify.parse.relations import parse_congruence, parse_relation
from harness.verify.parse.tokenizer import (
    Token,
    Tokens,
    is_one_bracket,
    iterate_depths,
    normalize_latex,
    split_tokens,
    tokenize_latex,
)
from harness.verify.parse.units import CODES
from harness.verify.parse.values import (
    combine_cents,
    parse_based,
    parse_matrix,
    parse_ratio,
    parse_single,
    scale_matrix,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_MEMBERS: Final = 200
_JOINTS: Final = {"and": "\\land", "or": "\\lor", "mod": "\\bmod", "modulo": "\\bmod"}
_WEDGES: Final = {"\\vee": "\\lor", "\\wedge": "\\land", "\\mid": "|", "\\backslash": "\\setminus"}
_WORDS: Final = frozenset({"yes", "no", "odd", "even", "true", "false", "none", "both", "all", "red", "blue"})
_TURNS: Final = ("^T", "^t", "^\\top", "^\\intercal")
_TURNS_IN_BRACES: Final = tuple(f"^{{{sign[1:]}}}" for sign in _TURNS)
_SHARES: Final = {
    word: (*tokenize_latex(rf"\frac{{1}}{{{size}}}"),) for word, size in (("half", 2), ("third", 3), ("quarter", 4))
}


def parse_answer(text: str, *, loose: bool = True) -> Shape:
    """Parse an answer. With ``loose``, letters that can be a product can also be a unit.

    Raises Refused for text that is not an answer or is too large.
    """
    if len(text) > MOST_CHARACTERS:
        raise Refused("too_long")
    cleaned = normalize_latex(text)
    if "\\equiv" in cleaned and "mod" not in cleaned:
        cleaned = cleaned.replace("\\equiv", "=")  # as in "f(x) is identically 0"
    return parse_based(cleaned) or AnswerParser(loose).shape(_joined(tokenize_latex(cleaned)))


@dataclass(frozen=True, slots=True)
class AnswerParser:
    """A parser that tries all forms of an answer, from the outermost to the innermost."""

    loose: bool

    def shape(self, parts: Tokens) -> Shape:
        """Return the shape of tokens. Raises Refused where they have none."""
        parts = _bare(parts)
        if not parts:
            raise Refused("unreadable")
        if parts[0].is_("\\approx"):
            return Chain((self.shape(parts[1:]),), rough=True)
        forms: tuple[Callable[[Tokens], Shape | None], ...] = (
            parse_congruence,
            self._listed,
            self._words,
            self._set,
            self._signed,
            self._related,
            self._union,
            self._brackets,
            self._matrix,
            parse_ratio,
        )
        for form in forms:
            found = form(parts)
            if found is not None:
                return found
        return parse_single(parts, loose=self.loose)

    def _listed(self, parts: Tokens) -> Shape | None:
        pieces = split_tokens(parts, ",", ";", "\\land", "\\lor")
        if len(pieces) == 1:
            return None
        joints = {
            token.text for _, token, depth in iterate_depths(parts) if depth == 0 and token.is_("\\land", "\\lor")
        }
        if joints:
            pieces = [piece for piece in pieces if piece]  # ", and" leaves an empty piece
        if not pieces:
            raise Refused("unreadable")
        if len(pieces) > 1 and (narrowed := self._in_reals(pieces)) is not None:
            return narrowed
        members = self._members(pieces)
        if joints == {"\\land"} and len(members) == 2 and (money := combine_cents(*members)) is not None:
            return money
        if not joints and (narrowed := _with_exceptions(members)) is not None:
            return narrowed
        if joints and all(isinstance(member, Inequality) for member in members):
            return _combined(members, "\\lor" in joints)
        return Listing(_flat(members), either="\\lor" in joints)

    def _in_reals(self, pieces: list[Tokens]) -> Shape | None:
        r"""Parse a condition on a real number: ``x \in \mathbb{R}, x \ne 2``."""
        first = pieces[0]
        if len(first) != 3 or not first[1].is_("\\in") or not first[2].is_("\\Reals"):
            return None
        members = self._members(pieces[1:])
        return _combined(members, either=False) if all(isinstance(one, Inequality) for one in members) else None

    def _members(self, pieces: list[Tokens]) -> tuple[Shape, ...]:
        if len(pieces) > MOST_MEMBERS:
            raise Refused("too_long")
        return tuple(self.shape(piece) for piece in pieces)

    def _words(self, parts: Tokens) -> Shape | None:
        # Numbers may follow a month or a name.
        title = parts[0].kind == "word" and len(parts[0].text) > 2 and parts[0].text not in CODES
        allowed = ("word", "letters", "number") if title else ("word", "letters")
        if not all(token.kind in allowed or token.is_("(", ")", "'", "-") for token in parts):
            return None
        read = split_letters(parts)
        if any(token.kind == "command" for token in read):
            return None
        if not any(_is_word(token) for token in (*parts, *read)):
            return None
        return Text("".join(token.text for token in parts if token.kind != "sign").casefold())

    def _set(self, parts: Tokens) -> Shape | None:
        if parts[0].is_("\\emptyset") and len(parts) == 1:
            return Listing((), braced=True)
        if not (parts[0].is_("\\{") and parts[-1].is_("\\}") and is_one_bracket(parts)):
            return None
        inside = _bare(parts[1:-1])
        if not inside:
            return Listing((), braced=True)
        head, *conditions = split_tokens(inside, "|", ":")
        if len(conditions) == 1 and head and head[0].kind == "letters":
            return self._where(conditions[0])
        found = self.shape(inside)
        listed = isinstance(found, Listing) and not found.braced
        return Listing(found.members if listed and isinstance(found, Listing) else (found,), braced=True)

    def _where(self, condition: Tokens) -> Shape | None:
        """Return the numbers that satisfy all conditions; a comma means "and"."""
        found = self.shape(condition)
        return _combined(found.members, either=False) if isinstance(found, Listing) else to_region(found)

    def _signed(self, parts: Tokens) -> Shape | None:
        if not any(token.is_("\\pm", "\\mp") for token in parts) or any(token.is_("\\in") for token in parts):
            return None
        both = [[_signed(token, first) for token in parts] for first in ("+", "-")]
        return Listing(_flat(tuple(self.shape(signs) for signs in both)))

    def _related(self, parts: Tokens) -> Shape | None:
        return parse_relation(parts, self.shape)

    def _union(self, parts: Tokens) -> Shape | None:
        if len(parts) == 1 and parts[0].is_("\\Reals"):
            return Region((EVERYTHING,))
        taken = split_tokens(parts, "\\setminus", "-" if parts[0].is_("\\Reals") else "\\setminus")
        if len(taken) == 2:
            return subtract_points(self._part(taken[0]), self._part(taken[1]))
        pieces = split_tokens(parts, "\\cup")
        return union([self._part(piece) for piece in pieces]) if len(pieces) > 1 else None

    def _part(self, parts: Tokens) -> Region:
        found = to_region(self.shape(parts))
        if found is None:
            raise Refused("unreadable")
        return found

    def _brackets(self, parts: Tokens) -> Shape | None:
        if (turned := self._transposed(parts)) is not None:
            return turned
        if not is_one_bracket(parts) or not parts[0].is_("(", "[", "\\langle"):
            return None
        pieces = split_tokens(parts[1:-1], ",", ";")
        if parts[0].is_("[") and parts[-1].is_("]") and (rows := self._rows(pieces)) is not None:
            return rows
        if len(pieces) == 1:
            grouping = parts[0].is_("(") and parts[-1].is_(")")
            return self.shape(pieces[0]) if grouping or parts[1].is_("\\begin") else None
        angles = {"\\langle": "(", "\\rangle": ")"}
        opening, closing = (angles.get(token.text, token.text) for token in (parts[0], parts[-1]))
        return Brackets(opening, closing, self._members(pieces))

    def _transposed(self, parts: Tokens) -> Matrix | None:
        r"""Parse ``(1,2,3)^T`` as a column, also after a minus."""
        text = "".join(token.text for token in parts[-4:])
        if "^" not in text:
            return None
        size = next((size for size, ends in ((4, _TURNS_IN_BRACES), (2, _TURNS)) if text.endswith(ends)), 0)
        if size and parts[0].is_("-") and (turned := self._transposed(parts[1:])) is not None:
            return scale_matrix(turned, Number(Fraction(-1)))
        if not size or len(parts) < size + 3 or not (parts[0].is_("\\begin") or is_one_bracket(parts[:-size])):
            return None
        found = self.shape(parts[:-size]) if parts[0].is_("(", "[", "\\langle", "\\begin") else None
        if isinstance(found, Brackets) and (found.opening, found.closing) in (("(", ")"), ("[", "]")):
            return Matrix(tuple((member,) for member in found.members))
        return Matrix(tuple(zip(*found.rows, strict=True))) if isinstance(found, Matrix) and _is_even(found) else None

    def _rows(self, pieces: list[Tokens]) -> Shape | None:
        """Parse ``[[1,2],[3,4]]`` as a matrix."""
        bracketed = all(
            len(piece) > 2 and piece[0].is_("[") and piece[-1].is_("]") and is_one_bracket(piece) for piece in pieces
        )
        if not bracketed:
            return None
        rows = [split_tokens(piece[1:-1], ",") for piece in pieces]
        if sum(map(len, rows)) > MOST_MEMBERS or any(row[0] and row[0][0].is_("[") for row in rows):
            raise Refused("unreadable")
        return Matrix(tuple(self._members(row) for row in rows))

    def _matrix(self, parts: Tokens) -> Shape | None:
        return parse_matrix(parts, self.shape)


def _is_even(found: Matrix) -> bool:
    return len({len(row) for row in found.rows}) == 1


def _with_exceptions(members: tuple[Shape, ...]) -> Shape | None:
    r"""Read ``3 \le x \le 6, x \ne 4`` as an interval without points; None for other forms."""
    if len(members) < 2 or not all(isinstance(member, Inequality) for member in members):
        return None
    first, *others = members
    excepted = all(isinstance(one, Inequality) and one.signs == ("\\ne",) for one in others)
    bounded = isinstance(first, Inequality) and "\\ne" not in first.signs
    found = _combined(members, either=False) if excepted and bounded else None
    return found if isinstance(found, Region) else None


def _combined(members: tuple[Shape, ...], either: bool) -> Shape:
    variables = {collect_symbols(side) for member in members if isinstance(member, Inequality) for side in member.sides}
    if len(variables - {frozenset()}) > 1:
        return Listing(members)  # different variables, as in "x < 2 or y > 3"
    regions = [to_region(member) for member in members]
    found = [one for one in regions if one is not None]
    if len(found) != len(members):
        return Listing(members)
    if either:
        return union(found)
    common = found[0]
    for one in found[1:]:
        common = intersection(common, one)
    return common


def _flat(members: tuple[Shape, ...]) -> tuple[Shape, ...]:
    return tuple(inner for member in members for inner in _open(member))


def _open(shape: Shape) -> tuple[Shape, ...]:
    r"""Return the members of a nested list, such as both values of ``\pm``.

    A set remains one member.
    """
    return shape.members if isinstance(shape, Listing) and not shape.braced else (shape,)


def _signed(token: Token, first: str) -> Token:
    if not token.is_("\\pm", "\\mp"):
        return token
    plus = token.is_("\\pm") == (first == "+")
    return Token("sign", "+" if plus else "-", token.spaced)


def _bare(parts: Tokens) -> Tokens:
    """Remove braces around all tokens."""
    while len(parts) > 1 and parts[0].is_("{") and parts[-1].is_("}") and is_one_bracket(parts):
        parts = parts[1:-1]
    return parts


def _is_word(token: Token) -> bool:
    if token.text.casefold() in _WORDS:
        return True
    return token.kind == "word" and len(token.text) > 1


def _joined(parts: Tokens) -> Tokens:
    r"""Replace words such as "and", "minus", "and a half" and ``\mathbb{R}`` by commands."""
    found: list[Token] = []
    at = 0
    while at < len(parts):
        text = "".join(token.text for token in parts[at : at + 4])
        if text == "\\mathbb{R}":
            found.append(Token("command", "\\Reals", parts[at].spaced))
            at += 4
        elif text.startswith("anda") and at and parts[at - 1].kind == "number" and parts[at + 2 : at + 3]:
            share = _SHARES.get(parts[at + 2].text)
            found.extend(share or (_joint(parts[at]),))
            at += 3 if share else 1
        elif parts[at].text in ("minus", "negative") and at + 1 < len(parts) and _is_value(parts[at + 1]):
            found.append(Token("sign", "-", parts[at].spaced))
            at += 1
        else:
            found.append(_joint(parts[at]))
            at += 1
    return tuple(found)


def _is_value(token: Token) -> bool:
    """Return whether a number can begin with this token."""
    return token.kind in ("number", "command") or token.is_("(", "{")


def _joint(token: Token) -> Token:
    if token.kind in ("word", "letters") and token.text.casefold() in _JOINTS:
        return Token("command", _JOINTS[token.text.casefold()], token.spaced)
    if token.is_(*_WEDGES):
        text = _WEDGES[token.text]
        return Token("sign" if text == "|" else "command", text, token.spaced)
    return token
