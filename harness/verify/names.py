"""Commands and words that stand for functions, symbols and constants."""

from __future__ import annotations

from typing import Final

from harness.verify.tokens import Token, Tokens
from harness.verify.tree import Constant, Symbol, Tree

TRIGONOMETRIC: Final = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})
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
_LONGEST_PRODUCT: Final = 3  # letters in a row that are a product and no word


def known(token: Token) -> Tree | None:
    """The symbol or constant of a token, if it is one."""
    if token.kind == "command":
        name = token.text[1:]
        if name in _CONSTANTS:
            return Constant(_CONSTANTS[name])
        return Symbol(name) if name in LETTERS else None
    if token.text in ("e", "i"):
        return Constant(token.text)
    return Symbol(token.text) if token.kind in ("letters", "word") else None


def function(token: Token) -> str | None:
    """The name of the function that a token is, if it is one."""
    name = token.text.removeprefix("\\")
    name = SPELLINGS.get(name, name)
    return name if name in FUNCTIONS or name in SPELLINGS.values() else None


def spelled(parts: Tokens) -> tuple[Token, ...]:
    r"""Runs of letters as commands (``sqrt`` is ``\sqrt``), as products (``xy``) or as one word."""
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
