"""The commands of a shell script: simple ones, and if, for, while, case, functions and groups around them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tricks.forms.reading import DEEPEST
from tricks.forms.shell_lexer import ShellPart, ShellToken

_SEPARATORS: Final = frozenset({";", "&", "\n"})
_STRAY: Final = frozenset({"!", "time", "then", "do", "else", "elif", "fi", "done", "esac", "}"})
_ENDS: Final = frozenset({")", ";;", ";&", ";;&"})


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """Words of a simple command with its assignments, and its redirections."""

    line: int
    words: tuple[ShellToken, ...]
    redirects: tuple[ShellToken, ...] = ()


@dataclass(frozen=True, slots=True)
class ShellStep:
    """A node of a list, and how it hangs on the one before: "", &&, || or |."""

    connector: str
    node: "Node"


@dataclass(frozen=True, slots=True)
class ShellIf:
    """Arms of a condition and a body; the arm of else has no condition."""

    line: int
    arms: tuple[tuple[tuple[ShellStep, ...], tuple[ShellStep, ...]], ...]


@dataclass(frozen=True, slots=True)
class ShellLoop:
    """A body for each word, or while a condition holds."""

    line: int
    kind: str  # for, while, until
    variable: str = ""
    words: tuple[ShellToken, ...] = ()
    condition: tuple[ShellStep, ...] = ()
    body: tuple[ShellStep, ...] = ()


@dataclass(frozen=True, slots=True)
class ShellCase:
    """Bodies for patterns of a word."""

    line: int
    subject: ShellToken
    arms: tuple[tuple[tuple[ShellToken, ...], tuple[ShellStep, ...]], ...]


@dataclass(frozen=True, slots=True)
class ShellFunction:
    """A named body."""

    line: int
    name: str
    body: tuple[ShellStep, ...]


@dataclass(frozen=True, slots=True)
class ShellGroup:
    """A body in braces or parentheses."""

    line: int
    body: tuple[ShellStep, ...]


Node = ShellCommand | ShellIf | ShellLoop | ShellCase | ShellFunction | ShellGroup


@dataclass(eq=False, slots=True)
class Parser:
    """Reads tokens once; what is not closed at the end is closed there."""

    tokens: Sequence[ShellToken]
    notes: list[str] = field(default_factory=list)
    place: int = 0
    depth: int = 0

    def read(self) -> tuple[ShellStep, ...]:
        """Return the steps of the script."""
        found: list[ShellStep] = []
        while self.place < len(self.tokens):
            before = self.place
            found.extend(self._list(frozenset(), self._line()))
            self.place += self.place == before or self.place < len(self.tokens)  # past what closes nothing
        return tuple(found)

    def _line(self) -> int:
        return self.tokens[min(self.place, len(self.tokens) - 1)].line if self.tokens else 1

    def _peek(self) -> ShellToken | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def _operator(self) -> str:
        token = self._peek()
        return token.text if token and token.kind == "operator" else ""

    def _word(self) -> str:
        token = self._peek()
        return (token.plain() or "") if token else ""

    def _list(self, until: frozenset[str], opened: int) -> tuple[ShellStep, ...]:
        """Read steps until one of the words or operators, which is not read."""
        found: list[ShellStep] = []
        connector = ""
        while self.place < len(self.tokens):
            operator = self._operator()
            if operator in _SEPARATORS or operator in ("&&", "||", "|", "|&"):
                self.place += 1
                if operator != "\n" or connector in ("", "\n"):
                    connector = "" if operator in _SEPARATORS else operator[:2].rstrip("&") or "&&"
                continue
            if operator in _ENDS or self._word() in until:
                return tuple(found)
            node = self._node()
            if node is not None:
                found.append(ShellStep(connector, node))
            connector = ""
        if until:
            self.notes.append(f"line {opened}: what begins here is not closed; {' or '.join(sorted(until))} is missing")
        return tuple(found)

    def _node(self) -> Node | None:
        line, word = self._line(), self._word()
        if self.depth > DEEPEST:
            self.notes.append(f"line {line}: more than {DEEPEST} nested levels; the rest is not read")
            self.place = len(self.tokens)
            return None
        self.depth += 1
        try:
            return self._compound(line, word)
        finally:
            self.depth -= 1

    def _compound(self, line: int, word: str) -> Node | None:
        if word in ("if", "for", "select", "while", "until", "case", "function", "{"):
            return self._reserved(line, word)
        if word in _STRAY:
            self.place += 1
            return None
        if self._operator() == "(":
            self.place += 1
            body = self._list(frozenset(), line)
            self.place += 1
            return ShellGroup(line, body)
        following = [token.text for token in self.tokens[self.place + 1 : self.place + 3] if token.kind == "operator"]
        if word and following == ["(", ")"]:
            return self._function(line)
        return self._command(line)

    def _reserved(self, line: int, word: str) -> Node | None:
        if word == "if":
            return self._if(line)
        if word in ("for", "select"):
            return self._for(line)
        if word == "case":
            return self._case(line)
        self.place += 1
        if word == "function":
            return self._function(line)
        if word == "{":
            body = self._list(frozenset({"}"}), line)
            self.place += 1
            return ShellGroup(line, body)
        condition = self._list(frozenset({"do"}), line)
        return ShellLoop(line, word, condition=condition, body=self._do(line))

    def _if(self, line: int) -> ShellIf:
        arms = []
        word = "if"
        while word in ("if", "elif"):
            self.place += 1
            condition = self._list(frozenset({"then"}), line)
            self.place += 1
            arms.append((condition, self._list(frozenset({"elif", "else", "fi"}), line)))
            word = self._word()
        if word == "else":
            self.place += 1
            arms.append(((), self._list(frozenset({"fi"}), line)))
        self.place += 1
        return ShellIf(line, tuple(arms))

    def _do(self, line: int) -> tuple[ShellStep, ...]:
        while self._operator() in (";", "\n"):
            self.place += 1
        if self._word() in ("do", "{"):
            self.place += 1
        body = self._list(frozenset({"done", "}"}), line)
        self.place += 1
        return body

    def _for(self, line: int) -> ShellLoop:
        self.place += 1
        token = self._peek()
        variable = self._word()
        words: list[ShellToken] = []
        if token and token.kind == "word":
            self.place += 1
        while self._operator() == "\n":
            self.place += 1
        if self._word() == "in":
            self.place += 1
            while (token := self._peek()) and token.kind == "word":
                words.append(token)
                self.place += 1
        return ShellLoop(line, "for", variable, tuple(words), body=self._do(line))

    def _case(self, line: int) -> ShellCase | None:
        self.place += 1
        subject = self._peek()
        if subject is None or subject.kind != "word":
            return None
        self.place += 1
        arms: list[tuple[tuple[ShellToken, ...], tuple[ShellStep, ...]]] = []
        while self.place < len(self.tokens):
            if (self._word() == "in" and not arms) or self._operator() in ("\n", ";;", ";&", ";;&", "(", ";"):
                self.place += 1
            elif self._word() == "esac":
                self.place += 1
                break
            else:
                patterns = self._patterns()
                arms.append((patterns, self._list(frozenset({"esac"}), line)))
        return ShellCase(line, subject, tuple(arms))

    def _patterns(self) -> tuple[ShellToken, ...]:
        found: list[ShellToken] = []
        while (token := self._peek()) and self._operator() not in (")", "\n"):
            if token.kind == "word":
                found.append(token)
            self.place += 1
        self.place += 1
        return tuple(found)

    def _function(self, line: int) -> ShellFunction:
        name = self._word()
        self.place += 1
        while self._operator() in ("(", ")", "\n"):
            self.place += 1
        if self._word() != "{":
            return ShellFunction(line, name, ())
        self.place += 1
        body = self._list(frozenset({"}"}), line)
        self.place += 1
        return ShellFunction(line, name, body)

    def _command(self, line: int) -> ShellCommand | None:
        words: list[ShellToken] = []
        redirects: list[ShellToken] = []
        double = self._word() == "[["
        while (token := self._peek()) is not None:
            if token.kind == "operator":
                if not double or token.text == "\n":
                    break
                words.append(ShellToken("word", token.line, "", (ShellPart("text", token.text, False),)))
            elif token.kind == "redirect" and not double:
                redirects.append(token)
            elif token.kind == "redirect":
                words.append(ShellToken("word", token.line, "", (ShellPart("text", token.text, False),)))
                words.extend(token.words)
            else:
                words.append(token)
                double = double and token.plain() != "]]"
            self.place += 1
        if not words and not redirects:
            self.place += 1
            return None
        return ShellCommand(line, tuple(words), tuple(redirects))
