"""Variables of a shell script and the words that they expand to; what is not known stays marked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from tricks.forms.arithmetic import compute
from tricks.forms.overrides import Word
from tricks.forms.reading import DEEPEST
from tricks.forms.shell_lexer import Lexer, ShellPart, ShellToken

_MOST_CHARACTERS: Final = 5_000_000  # that all expansions of a script give together
_LONGEST: Final = 100_000  # characters of one value
_MOST_WORDS: Final = 20_000  # of one array or command
_FOLDERS: Final = frozenset({"HOME", "PWD", "USER", "TMPDIR", "HOSTNAME", "LOGNAME", "SHELL", "PATH", "OLDPWD"})


@dataclass(frozen=True, slots=True)
class Chunk:
    """A text, and why it is not known if it is not."""

    text: str
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a variable or of one word."""

    chunks: tuple[Chunk, ...] = ()
    doubts: tuple[str, ...] = ()  # conditions under which it was assigned

    @property
    def text(self) -> str:
        """The text, with unknown parts as they are written."""
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def known(self) -> bool:
        """True if all parts are known."""
        return not any(chunk.unknown for chunk in self.chunks)

    def word(self, line: int) -> Word:
        """Return the value as a word of a command line."""
        unknown = next((chunk.unknown for chunk in self.chunks if chunk.unknown), "")
        bare = "".join(chunk.text for chunk in self.chunks if not chunk.unknown)
        return Word(self.text, f"line {line}", unknown, bare if unknown else None)


def known(text: str) -> Value:
    """Return a known value."""
    return Value((Chunk(text),))


def merge(values: Sequence[Value]) -> Value:
    """Return one value of several."""
    doubts = dict.fromkeys(doubt for value in values for doubt in value.doubts)
    return Value(tuple(chunk for value in values for chunk in value.chunks), tuple(doubts)[:20])


class Budget(Exception):  # noqa: N818
    """The script expands to more text than a configuration has."""


@dataclass(eq=False, slots=True)
class Variables:
    """Variables in layers: a layer that is dropped is a branch that was not taken."""

    given: Mapping[str, str]  # of the environment
    layers: list[dict[str, list[Value]]] = field(default_factory=lambda: [{}])
    doubts: dict[str, str] = field(default_factory=dict)  # of variables that are assigned in branches not taken
    missing_file: str = ""  # a file that is sourced and is not there
    spent: int = 0

    def get(self, name: str) -> list[Value] | None:
        """Return the values of an array, one value of a plain variable, or None where it is not set."""
        for layer in reversed(self.layers):
            if name in layer:
                found = layer[name]
                break
        else:
            if name not in self.given:
                return None
            found = [known(self.given[name])]
        if doubt := self.doubts.get(name):
            return [Value(value.chunks, (*value.doubts, doubt)) for value in found]
        return found

    def set(self, name: str, values: list[Value]) -> None:
        """Set a variable in the innermost layer."""
        self.layers[-1][name] = values[:_MOST_WORDS]
        if len(self.layers) == 1:
            self.doubts.pop(name, None)

    def spend(self, count: int) -> None:
        """Count characters. Raises Budget."""
        self.spent += count + 1
        if self.spent > _MOST_CHARACTERS:
            raise Budget

    def words(self, tokens: Sequence[ShellToken]) -> list[tuple[int, Value]]:
        """Return the words that tokens expand to, with their lines."""
        found: list[tuple[int, Value]] = []
        for token in tokens:
            found.extend((token.line, value) for value in self.fields(token.parts))
            if len(found) > _MOST_WORDS:
                raise Budget
        return found

    def fields(self, parts: Sequence[ShellPart]) -> list[Value]:
        """Return the words of one token: unquoted variables are split at spaces, arrays give a word per value."""
        done: list[list[Value]] = [[]]
        some = False  # True if the current word exists, be it empty
        lists = any(map(_is_list, parts))  # "${A[@]}" of an empty array is no word
        for part in parts:
            if part.kind == "text":
                done[-1].append(known(part.text))
                self.spend(len(part.text))
                some = some or bool(part.text) or (part.quoted and not lists)
                continue
            values = self.part(part)
            pieces = values if part.quoted else [piece for value in values for piece in _split(value)]
            if part.quoted and not _is_list(part):
                pieces = [merge(values)]
            for number, piece in enumerate(pieces):
                if number or piece is _BREAK:
                    if some:
                        done.append([])
                    some = False
                if piece is not _BREAK:
                    done[-1].append(piece)
                    some = True
        return [merge(values) for values in (done if some else done[:-1])]

    def value(self, parts: Sequence[ShellPart]) -> Value:
        """Return the value of a word that is not split, as an assignment has it."""
        found: list[Value] = []
        for part in parts:
            if part.kind == "text":
                self.spend(len(part.text))
                found.append(known(part.text))
                continue
            for number, each in enumerate(self.part(part)):
                found.extend([known(" "), each] if number else [each])
        merged = merge(found)
        return merged if len(merged.text) <= _LONGEST else Value((Chunk("...", "its text is too long"),))

    def part(self, part: ShellPart, depth: int = 0) -> list[Value]:
        """Return the values of a variable, of arithmetic or of a command."""
        found = self._part(part, depth)
        self.spend(sum(len(chunk.text) for value in found for chunk in value.chunks))
        return found

    def _part(self, part: ShellPart, depth: int) -> list[Value]:
        match part.kind:
            case "arithmetic":
                return [self.arithmetic(part.text, depth)]
            case "command":
                return [self._command(part.text, depth)]
            case "document":
                return [self.value(Lexer(part.text).read_document())]
            case "variable" if part.text == "#" and not part.operation:
                return [known(str(len(self.get("@") or ())))]
            case _:
                return self._variable(part, depth)

    def arithmetic(self, text: str, depth: int = 0) -> Value:
        """Return the value of $((text))."""
        shown = Chunk(f"$(({text.strip()[:60]}))", f"$(({text.strip()[:60]})) has a part that is not known")
        if depth > DEEPEST or len(text) > 1_000:
            return Value((shown,))
        inside = self.value(Lexer(text).read_document()) if "$" in text else known(text)
        doubts = list(inside.doubts)

        def look_up(name: str) -> int | None:
            values = self.get(name)
            doubts.extend(values[0].doubts if values else ())
            text = values[0].text.strip() if values and values[0].known else ""
            return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None

        result = compute(inside.text, look_up) if inside.known else None
        if result is None:
            return Value((shown,), tuple(doubts))
        return Value((Chunk(str(result)),), tuple(dict.fromkeys(doubts)))

    def _command(self, text: str, depth: int) -> Value:
        """Return the result of expr with plain numbers; that of another command is not known."""
        if text.startswith("expr ") and len(text) < 200:
            return self.arithmetic(text.removeprefix("expr ").replace("\\*", "*"), depth)
        return _command(text)

    def _variable(self, part: ShellPart, depth: int) -> list[Value]:
        name, operation = part.text, part.operation
        values = self.get(name)
        if operation == "length":
            return [_length(values, part)]
        if values is None and (name in "@*" or part.index in ("@", "*")) and operation not in _DEFAULTS:
            return [self._unset(name, part)] if self.missing_file and name not in "@*" else []
        if operation in _DEFAULTS:
            return self._default(part, values, depth)
        if values is None:
            return [self._unset(name, part)]
        selected = _select(values, part)
        if not operation:
            return selected
        argument = self.value(part.argument) if depth < DEEPEST else known("")
        return [_change(value, operation, argument, part) for value in selected]

    def _default(self, part: ShellPart, values: list[Value] | None, depth: int) -> list[Value]:
        """Return the value of ${name:-word} and the like."""
        empty = values is None or (part.operation[0] == ":" and all(value.text == "" for value in values))
        if part.operation[-1] == "+":
            return [] if empty and not part.quoted else [known("") if empty else self.value(part.argument)]
        if values is not None and not empty:
            return _select(values, part)
        if part.operation[-1] == "?" or depth > DEEPEST:
            return [self._unset(part.text, part)]
        value = self.value(part.argument)
        if part.operation[-1] == "=":
            self.set(part.text, [value])
        return [value]

    def _unset(self, name: str, part: ShellPart) -> Value:
        shown = f"${name}" if part.index is None else f"${name}[{part.index}]"
        if name.isdigit() or name in "@*#":
            reason = f"{shown} is an argument of the script; write the value"
        elif not (name.isidentifier()) or part.text.startswith("!"):
            reason = f"{shown} is known only when the script runs; write the value"
        elif self.missing_file:
            reason = f"{shown} may come from {self.missing_file}, which was not read; put that file beside this one"
        else:
            way_out = f"give it with {name}=... before the file or write the value"
            reason = f"{shown} comes from the environment; {way_out}"
        return Value((Chunk(shown, reason),))


_BREAK: Final = Value((Chunk(" "),))
_DEFAULTS: Final = frozenset({":-", "-", ":=", "=", ":?", "?", ":+", "+"})


def _is_list(part: ShellPart) -> bool:
    return part.kind == "variable" and (part.text == "@" or part.index == "@") and part.operation != "length"


def _command(text: str) -> Value:
    shown = f"$({text.strip()})" if len(text) <= 200 else f"$({text.strip()[:60]} ...)"
    first = text.strip().split("\n")[0]
    first = first if len(first) <= 40 else f"{first[:36]} ..."
    return Value((Chunk(shown, f"the result of the command $({first}) is known only when it runs; write the value"),))


def _split(value: Value) -> list[Value]:
    """Split a value at spaces of its known parts; _BREAK stands between words."""
    found: list[Value] = []
    for chunk in value.chunks:
        if chunk.unknown or not re.search(r"\s", chunk.text):
            if chunk.text:
                found.append(Value((chunk,), value.doubts))
            continue
        for piece in re.findall(r"\s+|\S+", chunk.text):
            found.append(_BREAK if piece.isspace() else Value((Chunk(piece),), value.doubts))
    return _words(found)


def _words(pieces: list[Value]) -> list[Value]:
    """Join pieces without a break between them; a break stands first or last where the value has a space there."""
    groups: list[list[Value]] = [[]]
    for piece in pieces:
        if piece is _BREAK:
            groups.append([])
        else:
            groups[-1].append(piece)
    words = [merge(group) for group in groups if group]
    if not words:
        return [_BREAK] if len(groups) > 1 else []
    return [*([_BREAK] if not groups[0] else []), *words, *([_BREAK] if not groups[-1] else [])]


def _length(values: list[Value] | None, part: ShellPart) -> Value:
    if part.text in "@*#" or part.index in ("@", "*"):
        return known(str(len(values or [])))
    if values and values[0].known:
        return known(str(len(values[0].text)))
    return Value((Chunk(f"${{#{part.text}}}", f"the length of ${part.text} is not known; write the value"),))


def _select(values: list[Value], part: ShellPart) -> list[Value]:
    """Return the values of an array that an index chooses; the first without one."""
    if part.index in ("@", "*") or part.text in "@*":
        return values
    if part.index is None:
        return values[:1] or [known("")]
    if re.fullmatch(r"[0-9]{1,6}", part.index):
        place = int(part.index)
        return [values[place]] if place < len(values) else [known("")]
    shown = f"${part.text}[{part.index}]"
    return [Value((Chunk(shown, f"{shown} is known only when the script runs; write the value"),))]


def _change(value: Value, operation: str, argument: Value, part: ShellPart) -> Value:
    """Return the value after an operation such as removing a suffix."""
    text = value.text
    changed: str | None = None
    if value.known and argument.known and len(text) <= 500 and len(argument.text) <= 50:
        changed = _changed(text, operation, argument.text)
    if changed is not None:
        return Value((Chunk(changed),), value.doubts)
    shown = f"${{{part.text}{operation}{argument.text[:40]}}}"
    reason = next((chunk.unknown for chunk in value.chunks if chunk.unknown), "")
    return Value(
        (Chunk(shown.replace("${", "$("), reason or f"{shown} is not computed; write the value"),), value.doubts
    )


def _changed(text: str, operation: str, argument: str) -> str | None:
    match operation:
        case "#" | "##" | "%" | "%%":
            return _trim(text, operation, argument)
        case "/" | "//":
            before, _, after = argument.partition("/")
            plain = before and not set(before) & set("*?[#%")
            return text.replace(before, after, -1 if operation == "//" else 1) if plain else None
        case "^^" | ",,":
            return text.upper() if operation == "^^" else text.lower()
        case ":" if found := re.fullmatch(r"\s*([0-9]{1,4})(?::([0-9]{1,4}))?", argument):
            begin = int(found[1])
            return text[begin:] if found[2] is None else text[begin : begin + int(found[2])]
        case _:
            return None


def _trim(text: str, operation: str, pattern: str) -> str:
    places = range(len(text) + 1)
    if operation[0] == "#":
        ends = [end for end in places if fnmatchcase(text[:end], pattern)]
        return text[(ends[0] if operation == "#" else ends[-1]) :] if ends else text
    begins = [begin for begin in places if fnmatchcase(text[begin:], pattern)]
    return text[: (begins[-1] if operation == "%" else begins[0])] if begins else text


def is_folder(name: str) -> bool:
    """Return True for variables that every shell has, such as HOME."""
    return name in _FOLDERS
