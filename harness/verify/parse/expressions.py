"""Parse one expression from tokens into a tree."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from harness.verify.model import TRIGONOMETRIC, Constant, Number, Operation, Refused, Symbol, Tree
from harness.verify.parse.cursor import (
    ACCENTS,
    FUNCTION_LETTERS,
    PREFIXES,
    Cursor,
    find_function_name,
    resolve_symbol,
    split_letters,
)
from harness.verify.parse.tokenizer import Token, Tokens, split_tokens

_SEVERAL: Final = frozenset({"max", "min", "gcd", "lcm"})
_MINUS_ONE: Final = Operation("neg", (Number(Fraction(1)),))
_TEN: Final = Number(Fraction(10))
_GROUPS: Final = ("\\frac", "\\sqrt", "{")


def parse_call(reader: ScalarReader) -> Tree:
    """Parse the next function with its argument. Raises Refused where that fails."""
    name = find_function_name(reader.next()) or ""
    base = _base(reader, name)
    exponent = reader.script() if reader.take("^") else None
    if name in _SEVERAL:
        return Operation(name, reader.arguments())
    if exponent == _MINUS_ONE and name in TRIGONOMETRIC:
        return _applied("arc" + name, base, _argument(reader))
    applied = _applied(name, base, _argument(reader))
    return applied if exponent is None else Operation("pow", (applied, exponent))


def _base(reader: ScalarReader, name: str) -> Tree | None:
    if not reader.take("_"):
        return _TEN if name in ("log", "lg") else None
    if name != "log":
        raise Refused("unreadable")
    token, behind = reader.peek(), reader.peek(1)
    packed = token is not None and token.kind == "number" and (behind is None or behind.is_("+", "-", ")", "}"))
    return reader.digit() if packed else reader.script()


def _applied(name: str, base: Tree | None, argument: Tree) -> Tree:
    if name == "exp":
        return Operation("pow", (Constant("e"), argument))
    if name == "cis":
        return Operation(
            "add", (Operation("cos", (argument,)), Operation("mul", (Constant("i"), Operation("sin", (argument,)))))
        )
    if name == "ln":
        return Operation("log", (argument, Constant("e")))
    return Operation(name if base is None else "log", (argument,) if base is None else (argument, base))


def _argument(reader: ScalarReader) -> Tree:
    """Parse a bracket, or the factors up to a sign, a bracket or another function."""
    if reader.is_next("(", "["):
        return reader.group()
    alone = reader.is_next(*_GROUPS)
    tree = reader.power()
    while not alone and _continues(reader):
        tree = Operation("mul", (tree, reader.power()))
    return tree


def _continues(reader: ScalarReader) -> bool:
    token = reader.peek()
    if token is None or find_function_name(token) is not None:
        return False
    return isinstance(resolve_symbol(token), Symbol | Constant) or reader.is_next(*_GROUPS[:2])


_MOST_DIGITS: Final = 2_000
_LARGEST_EXPONENT: Final = 5_000
_BRACKETS: Final = {"(": ")", "[": "]", "{": "}", "\\lfloor": "\\rfloor", "\\lceil": "\\rceil"}
_FACTORS: Final = {"*": "mul", "/": "div", "\\bmod": "mod"}
_STACKED: Final = {"\\choose": "binom", "\\over": "div"}
_ROUNDING: Final = {"\\lfloor": "floor", "\\lceil": "ceil"}


def parse_scalar(parts: Tokens) -> Tree:
    """Return the tree of an expression. Raises Refused where the tokens are not one."""
    reader = ScalarReader(split_letters(parts))
    tree = reader.stacked()
    reader.end()
    return tree


def parse_number(text: str) -> Number:
    """Return the exact number of digits, with decimal point and exponent if any.

    Raises Refused where it is too large.
    """
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > _MOST_DIGITS or len(exponent) > 6 or abs(int(exponent or 0)) > _LARGEST_EXPONENT:
        raise Refused("too_large")
    return Number(Fraction(text))


class ScalarReader(Cursor):
    """A recursive-descent parser; each method parses one rule and moves past it."""

    def sum(self) -> Tree:
        """Parse terms with signs between them."""
        with self.deeper():
            tree = self._term()
            while sign := self.take("+", "-"):
                right = self._term()
                tree = Operation("add", (tree, right if sign == "+" else Operation("neg", (right,))))
            return tree

    def stacked(self) -> Tree:
        r"""Parse a sum, or two sums separated by ``\choose`` or ``\over``."""
        tree = self.sum()
        sign = self.take("\\choose", "\\over")
        return Operation(_STACKED[sign], (tree, self.sum())) if sign else tree

    def power(self) -> Tree:
        """Parse an operand and its suffixes: factorial, degree, exponent."""
        base = self._postfix(self._operand())
        while self.take("^"):
            base = self._postfix(Operation("pow", (base, self.script())))
        return base

    def script(self) -> Tree:
        """Parse an exponent or index: a group or one operand, with a sign if any."""
        with self.deeper():
            if self.take("-"):
                return Operation("neg", (self.script(),))
            self.take("+")
            operand = self._operand()
            return Operation("pow", (operand, self.script())) if self.take("^") else operand

    def argument(self) -> Tree:
        r"""Parse an argument of ``\frac`` or ``\sqrt``: a group, digit, letter or command."""
        return self._operand()

    def digit(self) -> Tree:
        r"""Parse a group, or a single digit as in ``\frac12``."""
        token = self.peek()
        if token is not None and token.kind == "number" and len(token.text) > 1 and token.text.isdecimal():
            return parse_number(self.take_first_digit())
        return self._operand()

    def group(self) -> Tree:
        """Parse a bracketed expression."""
        opening = self.need(*_BRACKETS)
        bars, self.bars = self.bars, 0
        tree = self.stacked()
        self.need(_BRACKETS[opening])
        self.bars = bars
        return Operation(_ROUNDING[opening], (tree,)) if opening in _ROUNDING else tree

    def arguments(self) -> tuple[Tree, ...]:
        """Parse the expressions of a bracket, separated by commas."""
        if not self.is_next("(", "\\{"):
            raise Refused("unreadable")
        return tuple(parse_scalar(part) for part in split_tokens(self.bracketed(), ","))

    def _term(self) -> Tree:
        negative = False
        while sign := self.take("+", "-"):
            negative ^= sign == "-"
        tree = self._product()
        return Operation("neg", (tree,)) if negative else tree

    def _product(self) -> Tree:
        literal = self._is_integer()
        tree = self.power()
        if literal and isinstance(tree, Number):
            tree = self._mixed(tree)
        while True:
            if sign := self.take(*_FACTORS):
                right = Operation("neg", (self.power(),)) if self.take("-") else self.power()
                tree = Operation(_FACTORS[sign], (tree, right))
            elif self.starts_operand():
                tree = Operation("mul", (tree, self.power()))
            else:
                return tree

    def _mixed(self, whole: Number) -> Tree:
        start = self.at
        plain = self._is_integer() and self.tokens[start].spaced and self.is_next("/", ahead=1)
        if not plain and not self.is_next("\\frac"):
            return whole
        part = self.power()
        if plain:
            self.need("/")
            part = Operation("div", (part, self.power()))
        match part:
            case Operation("div", (Number(over), Number(under))) if 0 < over < under:
                return Operation("add", (whole, part))
            case Operation("div", (Number(), Number())):
                raise Refused("unreadable")
        self.at = start
        return whole

    def _is_integer(self) -> bool:
        token = self.peek()
        return token is not None and token.kind == "number" and token.text.isdecimal()

    def _postfix(self, tree: Tree) -> Tree:
        while True:
            if self.take("!"):
                name = "double_factorial" if self.take("!") else "factorial"
                tree = Operation(name, (tree,))
            elif self.take("\\degree"):
                tree = Operation("degree", (tree,))
            else:
                return tree

    def _operand(self) -> Tree:
        token = self.peek()
        if token is None:
            raise Refused("unreadable")
        if token.kind == "number":
            return self._number()
        if token.is_("|"):
            return self._absolute()
        if token.is_(*_BRACKETS):
            return self.group()
        return self._named(token)

    def _number(self) -> Tree:
        text = self.next().text
        if self.is_next("_"):
            raise Refused("other_base")
        return parse_number(text)

    def _absolute(self) -> Tree:
        self.need("|")
        self.bars += 1
        tree = self.sum()
        self.bars -= 1
        self.need("|")
        return Operation("abs", (tree,))

    def _named(self, token: Token) -> Tree:
        name = token.text.removeprefix("\\")
        if token.kind == "command" and name in ("frac", "sqrt", "binom"):
            return self._command(self.next().text[1:])
        if find_function_name(token) is not None and token.kind != "letters":
            return parse_call(self)
        if token.kind == "command" and name in ACCENTS | PREFIXES:
            return self._decorated(Symbol(self.next().text[1:] + " " + self.script_text()))
        found = resolve_symbol(token)
        if found is None:
            raise Refused("unreadable")
        self.next()
        return self._decorated(found)

    def _counted(self, name: str) -> Tree | None:
        r"""Parse ``C(10, 3)`` as a binomial and ``\Gamma(1/2)``; None without moving otherwise."""
        if name not in ("C", "Gamma") or not self.is_next("("):
            return None
        start = self.at
        arguments = split_tokens(self.bracketed(), ",")
        if len(arguments) == 2 and name == "C":
            return Operation("binom", (parse_scalar(arguments[0]), parse_scalar(arguments[1])))
        if len(arguments) == 1 and name == "Gamma":
            return Operation("gamma", (parse_scalar(arguments[0]),))
        self.at = start
        return None

    def _command(self, name: str) -> Tree:
        if name == "sqrt":
            index = self.optional_group()
            return Operation("root", (self.argument(), parse_scalar(index) if index else Number(Fraction(2))))
        if name == "frac" and (derivative := self.derivative()):
            return Symbol(derivative)
        over = self.digit()
        return Operation("div" if name == "frac" else "binom", (over, self.digit()))

    def _decorated(self, tree: Tree) -> Tree:
        name = tree.name if isinstance(tree, Symbol) else getattr(tree, "name", "")
        plain = name
        while sign := self.take("_", "'"):
            name += "_" + self.script_text() if sign == "_" else "'"
        if name[:1] in FUNCTION_LETTERS and self.inverse():
            name += "^-1"
        if name != plain:
            tree = Symbol(name)
        if (counted := self._counted(name)) is not None:
            return counted
        arguments = self.application(tree)
        return (
            tree if arguments is None else Operation(f"apply {name}", tuple(parse_scalar(part) for part in arguments))
        )
