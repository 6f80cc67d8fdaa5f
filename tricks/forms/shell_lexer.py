"""Cut a shell script into words and operators, with their lines. Nothing is expanded and nothing is run."""

import re
from dataclasses import dataclass, field
from typing import Final

from tricks.forms.reading import DEEPEST, Lines

_PLAIN: Final = re.compile(r"[^\s\\'\"$`|&;()<>#{}]+|[{}#]")
_SPACE: Final = re.compile(r"(?:[ \t]|\\\n)+")
_COMMENT: Final = re.compile(r"#[^\n]*")
_OPERATOR: Final = re.compile(r"&>>|&>|\|\||\|&|&&|;;&|;;|;&|<<<|<<-|<<|<&|<>|>>|>&|>\||[|&;()<>\n]")
_REDIRECTS: Final = frozenset({"<", ">", ">>", "<<", "<<-", "<<<", ">&", "<&", "&>", "&>>", "<>", ">|"})
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_ASSIGNED: Final = re.compile(r"[A-Za-z_]\w*\+?=")
_DOUBLE: Final = re.compile(r"[^\"\\$`]+")
_OPERATION: Final = re.compile(r":?[-=+?]|##?|%%?|//?|\^\^?|,,?|:|@")
_IN_BRACES: Final = re.compile(r"[^$\"'`\\}]+|'")
_BRACED: Final = re.compile(
    r"(?P<length>#(?!\}))?(?P<name>!?[A-Za-z_]\w*|[0-9@*#?$!-])(?:\[(?P<index>[^\]\n]{0,80})\])?"
)


@dataclass(frozen=True, slots=True)
class ShellPart:
    """A part of a word: text, a variable, or what only a running shell knows."""

    kind: str  # text, variable, arithmetic, command
    text: str  # the text, the name of the variable, or the source
    quoted: bool
    operation: str = ""  # of a variable: :- - := # % and the like, or "length"
    index: str | None = None  # of an array
    argument: tuple["ShellPart", ...] = ()  # the word after the operation


@dataclass(frozen=True, slots=True)
class ShellToken:
    """A word, an array that is assigned, an operator, or a redirection."""

    kind: str  # word, array, operator, redirect
    line: int
    text: str = ""  # of an operator, or NAME= or NAME+= of an array
    parts: tuple[ShellPart, ...] = ()
    words: tuple["ShellToken", ...] = ()  # of an array; the target of a redirection

    def plain(self) -> str | None:
        """Return the text of a word without quotes and variables, or None for another word."""
        if self.kind == "word" and len(self.parts) == 1 and self.parts[0].kind == "text" and not self.parts[0].quoted:
            return self.parts[0].text
        return None


@dataclass(eq=False, slots=True)
class _Heredoc:
    delimiter: str
    quoted: bool
    tabs: bool  # <<- strips tabs
    index: int  # of its token


@dataclass(eq=False, slots=True)
class Lexer:
    """Reads a text once, from its beginning to its end."""

    text: str
    first_line: int = 1
    notes: list[str] = field(default_factory=list)
    place: int = 0
    tokens: list[ShellToken] = field(default_factory=list)
    comment_ends: set[int] = field(default_factory=set)  # lines of comments that cut a continued command
    _lines: Lines | None = None
    _heredocs: list[_Heredoc] = field(default_factory=list)
    _no_arithmetic: bool = False
    _failures: int = 0
    _in_array: bool = False

    def read(self) -> list[ShellToken]:
        """Return the tokens of the text."""
        self._lines = Lines(self.text)
        while self.place < len(self.text):
            before = self.place
            self._next()
            if self.place <= before:
                self.place = before + 1
        return self.tokens

    def line(self, place: int | None = None) -> int:
        """Return the line of a place."""
        assert self._lines is not None
        return self._lines.at(self.place if place is None else place) + self.first_line - 1

    def _next(self) -> None:
        begin = self.place
        if space := _SPACE.match(self.text, self.place):
            self.place = space.end()
        if self.place >= len(self.text):
            return
        if self.text[self.place] == "#":
            self._comment(begin)
        elif self.text.startswith("((", self.place) and not self._no_arithmetic and self._arithmetic_command():
            return
        elif operator := _OPERATOR.match(self.text, self.place):
            self._operator(operator[0])
        else:
            self._word()

    def _comment(self, begin: int) -> None:
        if "\\\n" in self.text[begin : self.place]:
            self.comment_ends.add(self.line())
        self.place = _COMMENT.match(self.text, self.place).end()  # type: ignore[union-attr]

    def _arithmetic_command(self) -> bool:
        end = self._closing(self.place + 2, "(", ")")
        if end is None or self.text[end : end + 2] != "))":
            self._failures += 1
            self._no_arithmetic = end is None or self._failures > 50  # each one reads far ahead
            return False
        part = ShellPart("arithmetic", self.text[self.place + 2 : end], False)
        self.tokens.append(ShellToken("word", self.line(), "((", (part,)))
        self.place = end + 2
        return True

    def _operator(self, operator: str) -> None:
        line = self.line()
        self.place += len(operator)
        if operator not in _REDIRECTS:
            self.tokens.append(ShellToken("operator", line, operator))
            if operator == "\n" and self._heredocs:
                self._read_heredocs()
            return
        last = self.tokens[-1] if self.tokens else None
        if last and (last.plain() or "").isdigit() and self.text[self.place - len(operator) - 1].isdigit():
            self.tokens.pop()  # the number of a stream, 2>
        if space := _SPACE.match(self.text, self.place):
            self.place = space.end()
        if operator in ("<", ">") and self.text.startswith("(", self.place):
            self.tokens.append(ShellToken("word", line, "", (self._substitution(False),)))  # a process as a file
            return
        count = len(self.tokens)
        if self.place < len(self.text) and not _OPERATOR.match(self.text, self.place):
            self._word()
        target = tuple(self.tokens[count:])
        del self.tokens[count:]
        self.tokens.append(ShellToken("redirect", line, operator, (), target))
        if operator in ("<<", "<<-") and target:
            parts = target[0].parts
            delimiter = "".join(part.text for part in parts)
            quoted = any(part.quoted for part in parts)
            self._heredocs.append(_Heredoc(delimiter, quoted, operator == "<<-", count))

    def _read_heredocs(self) -> None:
        for document in self._heredocs:
            begin, lines = self.place, []
            while self.place < len(self.text):
                end = self.text.find("\n", self.place)
                end = len(self.text) if end < 0 else end
                row = self.text[self.place : end]
                self.place = min(end + 1, len(self.text))
                row = row.lstrip("\t") if document.tabs else row
                if row == document.delimiter:
                    break
                lines.append(row)
            token = self.tokens[document.index]
            kind = "text" if document.quoted else "document"
            body = ShellToken("word", self.line(begin), "", (ShellPart(kind, "\n".join(lines), True),))
            self.tokens[document.index] = ShellToken("redirect", token.line, token.text, (), (*token.words, body))
        self._heredocs = []

    def _word(self) -> None:
        """Read a word; after NAME= an opening parenthesis begins an array."""
        begin, line = self.place, self.line()
        parts: list[ShellPart] = []
        while self.place < len(self.text):
            if not self._part(parts, 0):
                break
            if self.text.startswith("(", self.place) and self.place - begin < 200 and not self._in_array:
                written = self.text[begin : self.place]
                if _ASSIGNED.fullmatch(written):
                    self._array(written, line)
                    return
        self.tokens.append(ShellToken("word", line, "", tuple(_joined(parts))))

    def _array(self, name: str, line: int) -> None:
        self.place += 1
        outer, self.tokens = self.tokens, []
        self._in_array = True
        while self.place < len(self.text):
            if space := _SPACE.match(self.text, self.place):
                self.place = space.end()
            character = self.text[self.place : self.place + 1]
            if character == ")":
                self.place += 1
                break
            if character == "#":
                self.place = _COMMENT.match(self.text, self.place).end()  # type: ignore[union-attr]
            elif character and (character == "\n" or _OPERATOR.match(self.text, self.place)):
                self.place += 1
            elif character:
                self._word()
        else:
            self.notes.append(f"line {line}: the parenthesis of {name} is not closed; close it")
        words, self.tokens, self._in_array = self.tokens, outer, False
        self.tokens.append(ShellToken("array", line, name, (), tuple(words)))

    def _part(self, parts: list[ShellPart], depth: int) -> bool:
        """Read one part of an unquoted word; return False at its end."""
        text, place = self.text, self.place
        character = text[place]
        match character:
            case "'":
                self._single(parts)
            case '"':
                self._double(parts, depth)
            case "\\":
                if text[place + 1 : place + 2] != "\n":
                    parts.append(ShellPart("text", text[place + 1 : place + 2], True))
                self.place = place + 2
            case "$":
                parts.append(self._dollar(False, depth))
            case "`":
                parts.append(self._backquote(False))
            case _:
                plain = _PLAIN.match(text, place)
                if not plain:
                    return False
                parts.append(ShellPart("text", plain[0], False))
                self.place = plain.end()
        return True

    def _single(self, parts: list[ShellPart]) -> None:
        end = self.text.find("'", self.place + 1)
        end = self._unclosed("quote") if end < 0 else end
        parts.append(ShellPart("text", self.text[self.place + 1 : end], True))
        self.place = end + 1

    def read_document(self) -> tuple[ShellPart, ...]:
        """Return the parts of a text in which variables are expanded and quotes are plain."""
        self._lines = Lines(self.text)
        parts: list[ShellPart] = []
        while self.place < len(self.text):
            self._double(parts, 0, closing="")
        return tuple(_joined(parts))

    def _double(self, parts: list[ShellPart], depth: int, closing: str = '"') -> None:
        begin = self.place
        self.place += len(closing)
        parts.append(ShellPart("text", "", True))
        while self.place < len(self.text):
            character = self.text[self.place]
            if character == closing:
                self.place += 1
                return
            if character == "\\":
                escaped = self.text[self.place + 1 : self.place + 2]
                if escaped != "\n":
                    written = escaped if escaped and escaped in '"\\$`' else f"\\{escaped}"
                    parts.append(ShellPart("text", written, True))
                self.place += 2
            elif character == "$":
                parts.append(self._dollar(True, depth))
            elif character == "`":
                parts.append(self._backquote(True))
            else:
                plain = _DOUBLE.match(self.text, self.place)
                written = plain[0] if plain else character
                parts.append(ShellPart("text", written, True))
                self.place += len(written)
        if closing:
            self.notes.append(f'line {self.line(begin)}: the quote " that opens here is not closed; close it')

    def _dollar(self, quoted: bool, depth: int) -> ShellPart:
        text, place = self.text, self.place
        following = text[place + 1 : place + 2]
        if following == "(":
            return self._substitution(quoted)
        if following == "{" and depth < DEEPEST:
            return self._braced(quoted, depth)
        if following == "'" and not quoted:
            self.place += 1
            found: list[ShellPart] = []
            self._single(found)
            return found[0]
        if following and ((following.isascii() and following.isdigit()) or following in "@*#?$!-"):
            self.place += 2
            return ShellPart("variable", following, quoted)
        if name := _NAME.match(text, place + 1):
            self.place = name.end()
            return ShellPart("variable", name[0], quoted)
        self.place += 1
        return ShellPart("text", "$", quoted)

    def _substitution(self, quoted: bool) -> ShellPart:
        """Read $(command) or $((arithmetic)), without looking into it."""
        begin = self.text.index("(", self.place)
        end = self._closing(begin + 1, "(", ")")
        end = self._unclosed("parenthesis") if end is None else end
        inside = self.text[begin + 1 : end]
        self.place = end + 1
        if inside.startswith("(") and inside.endswith(")"):
            return ShellPart("arithmetic", inside[1:-1], quoted)
        return ShellPart("command", inside, quoted)

    def _backquote(self, quoted: bool) -> ShellPart:
        end = self.text.find("`", self.place + 1)
        end = self._unclosed("backquote") if end < 0 else end
        part = ShellPart("command", self.text[self.place + 1 : end], quoted)
        self.place = end + 1
        return part

    def _braced(self, quoted: bool, depth: int) -> ShellPart:
        """Read ${name}, ${name[0]}, ${name:-word} and the like."""
        begin = self.place
        found = _BRACED.match(self.text, begin + 2)
        if not found:
            end = self._closing(begin + 2, "{", "}")
            end = self._unclosed("brace") if end is None else end
            self.place = end + 1
            return ShellPart("command", self.text[begin + 2 : end], quoted)
        self.place = found.end()
        operation = "length" if found["length"] else ""
        if not operation and (sign := _OPERATION.match(self.text, self.place)):
            operation = sign[0]
            self.place = sign.end()
        argument: list[ShellPart] = []
        while self.place < len(self.text) and self.text[self.place] != "}":
            self._braced_part(argument, quoted, depth + 1)
        if self.place >= len(self.text):
            self.notes.append(f"line {self.line(begin)}: the brace that opens here is not closed; close it")
        self.place += 1
        return ShellPart("variable", found["name"], quoted, operation, found["index"], tuple(_joined(argument)))

    def _braced_part(self, argument: list[ShellPart], quoted: bool, depth: int) -> None:
        character = self.text[self.place]
        match character:
            case "$":
                argument.append(self._dollar(quoted, depth))
            case '"':
                self._double(argument, depth)
            case "'" if not quoted:
                self._single(argument)
            case "`":
                argument.append(self._backquote(quoted))
            case "\\":
                argument.append(ShellPart("text", self.text[self.place + 1 : self.place + 2], True))
                self.place += 2
            case _:
                plain = _IN_BRACES.match(self.text, self.place)
                assert plain is not None
                argument.append(ShellPart("text", plain[0], quoted))
                self.place = plain.end()

    def _closing(self, place: int, opening: str, closing: str) -> int | None:
        """Return the place of the bracket that closes, past quotes and brackets in between."""
        depth = 1
        pattern = re.compile(rf"\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\"|[{re.escape(opening + closing)}]", re.DOTALL)
        for found in pattern.finditer(self.text, place):
            if found[0] == opening:
                depth += 1
            elif found[0] == closing:
                depth -= 1
                if depth == 0:
                    return found.start()
        return None

    def _unclosed(self, kind: str) -> int:
        self.notes.append(f"line {self.line()}: the {kind} that opens here is not closed; the rest is not read")
        return len(self.text)


def _joined(parts: list[ShellPart]) -> list[ShellPart]:
    """Return parts with neighbouring text of one kind of quotes joined."""
    found: list[list[ShellPart]] = []
    for part in parts:
        if part.kind == "text" and found and found[-1][0].kind == "text" and found[-1][0].quoted == part.quoted:
            found[-1].append(part)
        else:
            found.append([part])
    return [
        group[0] if len(group) == 1 else ShellPart("text", "".join(part.text for part in group), group[0].quoted)
        for group in found
    ]
