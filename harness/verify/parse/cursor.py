"""A cursor over tokens, and the names of functions, symbols and constants."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from harness.verify.model import TRIGONOMETRIC, Constant, Refused, Symbol, Tree
from harness.verify.parse.tokenizer import CLOSING, DEEPEST, OPENING, Token, Tokens, split_tokens

_INVERSE: Final = frozenset({"arcsin", "arccos", "arctan", "arccot", "arcsec", "arccsc"})
_HYPERBOLIC: Final = frozenset({"sinh", "cosh", "tanh", "coth", "sech", "csch", "arsinh", "arcosh", "artanh"})
FUNCTIONS: Final = (
    TRIGONOMETRIC | _INVERSE | _HYPERBOLIC | {"ln", "log", "lg", "exp", "cis", "max", "min", "gcd", "lcm"}
)
SPELLINGS: Final = {
    **{"asin": "arcsin", "acos": "arccos", "atan": "arctan", "tg": "tan", "ctg": "cot", "cosec": "csc"},
    **{"arcsinh": "arsinh", "arccosh": "arcosh", "arctanh": "artanh", "floor": "floor", "ceil": "ceil", "abs": "abs"},
}
LETTERS: Final = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega "  # noqa: SIM905
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega hbar ell imath jmath aleph partial nabla odot".split()
)
ACCENTS: Final = frozenset(
    "overline bar hat widehat tilde widetilde vec overrightarrow dot ddot mathbb mathfrak mathscr".split()  # noqa: SIM905
)
PREFIXES: Final = frozenset({"angle", "measuredangle", "triangle", "arc"})
_CONSTANTS: Final = {"pi": "pi", "infty": "infinity"}
_PLAIN: Final = FUNCTIONS | SPELLINGS.keys() | LETTERS | _CONSTANTS.keys() | {"sqrt", "binom", "frac"}
_LONGEST_PRODUCT: Final = 3  # more letters in a row are a word, not a product


def resolve_symbol(token: Token) -> Tree | None:
    """Return the symbol or constant of a token; None where it is neither."""
    if token.kind == "command":
        name = token.text[1:]
        if name in _CONSTANTS:
            return Constant(_CONSTANTS[name])
        return Symbol(name) if name in LETTERS else None
    if token.text in ("e", "i"):
        return Constant(token.text)
    return Symbol(token.text) if token.kind in ("letters", "word") else None


def find_function_name(token: Token) -> str | None:
    """Return the name of a token's function; None where it is not a function."""
    name = token.text.removeprefix("\\")
    name = SPELLINGS.get(name, name)
    return name if name in FUNCTIONS or name in SPELLINGS.values() else None


def split_letters(parts: Tokens) -> tuple[Token, ...]:
    r"""Split runs of letters into commands (``sqrt``), products (``xy``) or single words."""
    return tuple(piece for token in parts for piece in _pieces(token))


def _pieces(token: Token) -> tuple[Token, ...]:
    text = token.text
    if token.kind == "word" and text in _PLAIN:
        return (Token("command", "\\" + text, token.spaced),)
    capitals = token.kind == "word" and text.isupper() and len(text) <= _LONGEST_PRODUCT
    if (token.kind != "letters" and not capitals) or len(text) == 1:
        return (token,)
    if text in _PLAIN:
        return (Token("command", "\\" + text, token.spaced),)
    if text[:-1] in FUNCTIONS:
        return (Token("command", "\\" + text[:-1], token.spaced), Token("letters", text[-1]))
    if len(text) > _LONGEST_PRODUCT:
        return (Token("word", text, token.spaced),)
    return tuple(Token("letters", letter, token.spaced and at == 0) for at, letter in enumerate(text))


FUNCTION_LETTERS: Final = frozenset("fghFGH")
_OPENERS: Final = ("(", "[", "{", "\\lfloor", "\\lceil", "\\frac", "\\sqrt", "\\binom")


class Cursor:
    """A position in a sequence of tokens. Reading a token moves it forward."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = list(tokens)
        self.at = 0
        self.bars = 0  # number of open absolute values
        self._depth = 0

    def peek(self, ahead: int = 0) -> Token | None:
        """Return the next token, or one further ahead; None at the end."""
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def next(self) -> Token:
        """Return the next token and move past it. Raises Refused at the end."""
        token = self.peek()
        if token is None:
            raise Refused("unreadable")
        self.at += 1
        return token

    def is_next(self, *texts: str, ahead: int = 0) -> bool:
        """Return whether the next token is one of these signs or commands."""
        token = self.peek(ahead)
        return token is not None and token.is_(*texts)

    def take(self, *texts: str) -> str:
        """Return the next token's text and move past it if it is one of these; otherwise ""."""
        return self.next().text if self.is_next(*texts) else ""

    def need(self, *texts: str) -> str:
        """Return the next token's text and move past it. Raises Refused for any other text."""
        if not self.is_next(*texts):
            raise Refused("unreadable")
        return self.next().text

    def end(self) -> None:
        """Raise Refused if tokens are left."""
        if self.peek() is not None:
            raise Refused("unreadable")

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Count one nesting level during the block. Raises Refused above the maximum depth."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise Refused("too_deep")
        yield
        self._depth -= 1

    def starts_operand(self) -> bool:
        """Return whether a factor follows without a sign.

        A number counts only after a bracket or with an exponent.
        """
        token = self.peek()
        if token is None:
            return False
        if token.kind == "number":
            return self.tokens[self.at - 1].is_(")", "}", "]", "!") or self.is_next("^", ahead=1)
        if token.is_("|"):
            return self.bars == 0
        name = token.text.removeprefix("\\")
        named = token.kind == "command" and (name in ACCENTS or name in PREFIXES)
        return (
            token.is_(*_OPENERS) or named or resolve_symbol(token) is not None or find_function_name(token) is not None
        )

    def take_first_digit(self) -> str:
        """Return the first digit of the next number and leave the other digits."""
        text = self.tokens[self.at].text
        self.tokens[self.at] = Token("number", text[1:])
        return text[0]

    def bracketed(self) -> Tokens:
        """Return the tokens inside the bracket that opens next and move past it."""
        for at, token, depth in _levels(self.tokens, self.at):
            if depth == 0 and at > self.at and token.is_(*CLOSING):
                inside = self.tokens[self.at + 1 : at]
                self.at = at + 1
                return inside
        raise Refused("unreadable")

    def inverse(self) -> bool:
        r"""Return whether ``^{-1}(`` follows, as in ``f^{-1}(x)``; if so, move to the bracket."""
        texts = [token.text for token in self.tokens[self.at : self.at + 6]]
        if texts[:1] != ["^"] or "".join(texts[1:-1]).strip("{}") != "-1" or texts[-1] != "(":
            return False
        self.at += 5
        return True

    def optional_group(self) -> Tokens:
        r"""Return the index of ``\sqrt[3]{...}`` and move past it; empty without an index."""
        return self.bracketed() if self.is_next("[") else ()

    def script_text(self) -> str:
        """Return the next index as text: a group or a single token."""
        parts = self.bracketed() if self.is_next("{") else (self.next(),)
        return "".join(
            token.text.removeprefix("\\") for token in parts if token.kind != "sign" or token.text not in "{}"
        )

    def derivative(self) -> str:
        r"""Return ``\frac{dy}{dx}`` as one name; "" without moving for any other fraction."""
        start = self.at
        if not self.is_next("{"):
            return ""
        over = self.bracketed()
        under = self.bracketed() if self.is_next("{") else ()
        if over and under and len(under) > 1 and all(part[0].text in ("d", "\\partial") for part in (over, under)):
            return "/".join(
                "".join(token.text for token in part if token.text not in ("{", "}")) for part in (over, under)
            )
        self.at = start
        return ""

    def application(self, tree: Tree) -> list[Tokens] | None:
        """Return the arguments of an unknown function, such as ``f(x)`` or ``I(0)``.

        None means that there are none. ``n(n+1)`` is a product: f, g and h take any argument, other names only a single
        letter or number.
        """
        if not isinstance(tree, Symbol) or not self.is_next("("):
            return None
        start = self.at
        arguments = split_tokens(self.bracketed(), ",")
        single = len(arguments) == 1 and len(arguments[0]) == 1
        simple = single and arguments[0][0].kind in ("number", "letters") and arguments[0][0].text != tree.name
        if simple or tree.name.rstrip("'")[:1] in FUNCTION_LETTERS:
            return arguments
        self.at = start
        return None


def _levels(parts: Tokens, start: int) -> Iterator[tuple[int, Token, int]]:
    """Yield like ``levels``, from the bracket at ``start``."""
    depth = 0
    for at in range(start, len(parts)):
        depth -= parts[at].is_(*CLOSING)
        yield at, parts[at], depth
        depth += parts[at].is_(*OPENING)
