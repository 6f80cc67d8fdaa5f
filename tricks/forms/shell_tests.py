"""Conditions of a shell script, ``[ "$A" = b ]`` and ``[[ $A == b* ]]``, as far as they are plain."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from tricks.forms.shell_lexer import ShellPart, ShellToken
from tricks.forms.shell_parser import ShellCommand
from tricks.forms.shell_values import Value, Variables

_NUMBERS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "-eq": lambda one, other: one == other,
    "-ne": lambda one, other: one != other,
    "-lt": lambda one, other: one < other,
    "-le": lambda one, other: one <= other,
    "-gt": lambda one, other: one > other,
    "-ge": lambda one, other: one >= other,
}
_SIGNS: Final = frozenset({"&&", "||", "(", ")", "!", "=", "==", "!=", "<", ">", "=~"})
_MOST_WORDS: Final = 100
_OPENING: Final = ("[", "[[", "test")


@dataclass(frozen=True, slots=True)
class Truth:
    """If a condition holds, None where only a running shell knows; and unset variables taken as empty."""

    holds: bool | None
    unset: tuple[str, ...] = ()


def is_test(command: ShellCommand) -> bool:
    """Return True if a command is a condition that is looked at here."""
    first = command.words[0] if command.words else None
    return first is not None and (first.text == "((" or first.plain() in (*_OPENING, "true", "false", ":"))


def read_test(command: ShellCommand, variables: Variables) -> Truth:
    """Return the truth of a condition; a variable that is set nowhere counts as empty, as in a bare environment."""
    first = command.words[0]
    if first.text == "((":
        value = variables.arithmetic(first.parts[0].text)
        return Truth(value.text != "0" if value.known else None)
    if (word := first.plain()) not in _OPENING:
        return Truth(word != "false")
    tokens = [*command.words[1:]]
    if tokens and tokens[-1].plain() in ("]", "]]"):
        tokens.pop()
    unset = _unset(tokens, variables)
    if len(tokens) > _MOST_WORDS:
        return Truth(None)
    parts = _parts(tokens, variables, word == "[[")
    return Truth(_choice(parts), tuple(unset))


def _unset(tokens: Sequence[ShellToken], variables: Variables) -> list[str]:
    """Return the names of variables in a condition that are set nowhere and have no default."""
    names = [part.text for token in tokens for part in token.parts if part.kind == "variable" and not part.operation]
    return [name for name in dict.fromkeys(names) if variables.get(name) is None and not variables.missing_file]


def _parts(tokens: Sequence[ShellToken], variables: Variables, double: bool) -> list[Value | str]:
    """Return operators as text and operands as values."""
    found: list[Value | str] = []
    for token in tokens:
        plain = token.plain()
        if plain and (plain in _SIGNS or (plain[0] == "-" and plain[1:].isalpha())):
            found.append(plain)
        else:
            parts = [_or_empty(part, variables) for part in token.parts]
            values = [variables.value(parts)] if double else variables.fields(parts)
            found.extend(values or [Value()])
    return found


def _or_empty(part: ShellPart, variables: Variables) -> ShellPart:
    """Return a variable that is set nowhere as ${name:-}."""
    unset = part.kind == "variable" and not part.operation and variables.get(part.text) is None
    return replace(part, operation=":-") if unset and not variables.missing_file else part


def _choice(parts: list[Value | str]) -> bool | None:
    """Return the truth of terms joined by && and ||, which in tests bind as usual."""
    if "(" in parts or ")" in parts:
        return None
    alternatives: list[list[list[Value | str]]] = [[[]]]
    for part in parts:
        if part in ("||", "-o"):
            alternatives.append([[]])
        elif part in ("&&", "-a"):
            alternatives[-1].append([])
        else:
            alternatives[-1][-1].append(part)
    return _any([_all([_term(term) for term in terms]) for terms in alternatives])


def _all(truths: list[bool | None]) -> bool | None:
    return False if False in truths else None if None in truths else True


def _any(truths: list[bool | None]) -> bool | None:
    return True if True in truths else None if None in truths else False


def _term(term: list[Value | str]) -> bool | None:
    negated = False
    while term and term[0] == "!":
        negated, term = not negated, term[1:]
    truth = _plain_term(term)
    return truth if truth is None or not negated else not truth


def _plain_term(term: list[Value | str]) -> bool | None:
    match term:
        case [Value() as value]:
            return bool(value.text) if value.known else None
        case ["-z" | "-n" as sign, Value() as value]:
            filled = bool(value.text) if value.known else None
            return filled if filled is None or sign == "-n" else not filled
        case [Value() as one, str() as sign, Value() as other] if one.known and other.known:
            return _compare(one.text, sign, other.text)
        case _:
            return None


def _compare(one: str, sign: str, other: str) -> bool | None:
    if sign in ("=", "=="):
        return fnmatchcase(one, other) if len(one) < 1_000 and len(other) < 100 else one == other
    if sign == "!=":
        return not fnmatchcase(one, other) if len(one) < 1_000 and len(other) < 100 else one != other
    if sign in _NUMBERS:
        numbers = [text.strip() for text in (one, other)]
        if all(text.lstrip("-").isdigit() and len(text) < 20 and text.isascii() for text in numbers):
            return _NUMBERS[sign](int(numbers[0]), int(numbers[1]))
    return None
