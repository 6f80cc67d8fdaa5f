"""Follow a shell script as far as it is plain, and find the programs that it starts. Nothing is run."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from tricks.forms.overrides import Word, is_override
from tricks.forms.programs import Program, find_program
from tricks.forms.reading import FormHints
from tricks.forms.shell_lexer import Lexer, ShellPart, ShellToken
from tricks.forms.shell_parser import (
    Node,
    Parser,
    ShellCase,
    ShellCommand,
    ShellFunction,
    ShellGroup,
    ShellIf,
    ShellLoop,
    ShellStep,
)
from tricks.forms.shell_tests import Truth, is_test, read_test
from tricks.forms.shell_values import Budget, Chunk, Value, Variables, known

_ASSIGNMENT: Final = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:\[[^\]]*\])?(?P<more>\+?)=")
_DECLARING: Final = frozenset({"export", "declare", "typeset", "local", "readonly"})
_MOST_STEPS: Final = 50_000
_DEEPEST_CALL: Final = 12  # functions, sourced files and texts of bash -c in each other


@dataclass(frozen=True, slots=True)
class Launch:
    """A program that the script starts."""

    line: int
    program: Program
    doubts: tuple[str, ...]  # conditions under which its arguments are what they are
    taken: str = ""  # why it may not be reached: the branch or loop that holds it


@dataclass(eq=False, slots=True)
class Script:
    """The state while a script is followed."""

    hints: FormHints
    variables: Variables
    notes: list[str] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)
    loose: list[tuple[int, list[Value], bool]] = field(default_factory=list)  # options without a program before them
    files: dict[str, str] = field(default_factory=dict)  # that the script writes itself
    arrays: list[tuple[str, list[tuple[int, Value]]]] = field(default_factory=list)
    _functions: dict[str, ShellFunction] = field(default_factory=dict)
    _branch: list[str] = field(default_factory=list)  # the branches not taken around the place
    _steps: int = 0
    _depth: int = 0
    _comments: frozenset[int] = frozenset()
    _ended: str = ""

    def read(self, text: str, first_line: int = 1) -> None:
        """Follow a script to its end."""
        lexer = Lexer(text, first_line)
        parser = Parser(lexer.read())
        steps = parser.read()
        self.notes.extend([*lexer.notes, *parser.notes])
        outer, self._comments = self._comments, frozenset(lexer.comment_ends)
        try:
            self._run(steps)
        except Budget:
            self.notes.append("the script expands to more text than can be read; give the command with its options")
        self._comments = outer

    def text_of(self, name: str) -> str | None:
        """Return the text of a file that the script wrote, or that lies beside it."""
        found = self.files.get(name)
        return self.hints.text_of(name) if found is None else found

    def _run(self, steps: Sequence[ShellStep]) -> None:
        truth = Truth(True)
        for step in steps:
            self._steps += 1
            if self._steps > _MOST_STEPS:
                raise Budget
            if step.connector in ("&&", "||"):
                wanted = step.connector == "&&"
                if truth.holds is not None and truth.holds is not wanted:
                    continue
                if truth.holds is None or truth.unset:
                    self._branch_of(step, truth, wanted)
                    continue
            truth = self._node(step.node)

    def _branch_of(self, step: ShellStep, truth: Truth, wanted: bool) -> None:
        """Follow a command after a condition that is not plain."""
        line = _line(step.node)
        if truth.holds is None:
            self._not_taken((step,), f"line {line}: after a condition that is known only when it runs")
        else:
            self._taken((step,), _because(line, truth))

    def _not_taken(self, steps: Sequence[ShellStep], place: str, doubts: bool = True) -> None:
        """Follow steps in a layer of variables that is dropped after them."""
        variables = self.variables
        self._branch.append(place)
        variables.layers.append({})
        self._run(steps)
        changed = variables.layers.pop()
        self._branch.pop()
        for name in changed if doubts else ():
            variables.doubts.setdefault(name, f"{place}; read as not taken, so it does not set {name}")

    def _taken(self, steps: Sequence[ShellStep], place: str, ending: str = "; read as taken") -> None:
        """Follow steps whose condition rests on variables that are not set; what they set carries the doubt."""
        variables = self.variables
        variables.layers.append({})
        self._run(steps)
        for name, values in variables.layers.pop().items():
            variables.set(name, [Value(value.chunks, (*value.doubts, f"{place}{ending}")[-20:]) for value in values])

    def _node(self, node: Node) -> Truth:
        match node:
            case ShellCommand():
                return self._command(node)
            case ShellIf():
                self._if(node)
            case ShellLoop():
                self._loop(node)
            case ShellCase():
                self._case(node)
            case ShellFunction():
                self._functions[node.name] = node
            case ShellGroup():
                self._run(node.body)
        return Truth(True)

    def _if(self, node: ShellIf) -> None:
        for condition, body in node.arms:
            truth = self._condition(condition)
            if truth.holds is None:
                self._not_taken(body, f"line {node.line}: inside if, whose condition is known only when it runs")
            elif truth.holds:
                if truth.unset:
                    self._taken(body, _because(node.line, truth))
                else:
                    self._run(body)
                return
            elif truth.unset and body:
                self._not_taken(body, _because(node.line, truth))

    def _condition(self, steps: Sequence[ShellStep]) -> Truth:
        """Return the truth of the commands of a condition."""
        holds: bool | None = True
        unset: list[str] = []
        for step in steps:
            plain = isinstance(step.node, ShellCommand) and is_test(step.node)
            truth = self._node(step.node) if plain else Truth(None)
            if isinstance(step.node, ShellGroup):
                truth = self._condition(step.node.body)
            elif not plain:
                self._not_taken((step,), f"line {_line(step.node)}: a condition")
            unset.extend(truth.unset)
            if step.connector == "&&":
                holds = False if False in (holds, truth.holds) else None if None in (holds, truth.holds) else True
            elif step.connector == "||":
                holds = True if True in (holds, truth.holds) else None if None in (holds, truth.holds) else False
            else:
                holds = truth.holds
        return Truth(holds, tuple(dict.fromkeys(unset)))

    def _loop(self, node: ShellLoop) -> None:
        if node.kind != "for":
            truth = self._condition(node.condition)
            holds = truth.holds if node.kind == "while" or truth.holds is None else not truth.holds
            if holds:
                self._run(node.body)
            elif holds is None:
                self._not_taken(node.body, f"line {node.line}: inside {node.kind}, whose condition is not known")
            return
        words = [value for _, value in self.variables.words(node.words)]
        if len(words) > 1 and node.variable:
            doubt = f"line {node.line}: a loop over {len(words)} values of {node.variable}; read with the first"
            words = [Value(words[0].chunks, (*words[0].doubts, f"{doubt}, {words[0].text[:40]}"))]
        if node.variable and words:
            self.variables.set(node.variable, words[:1])
        elif node.words:
            self._not_taken(node.body, f"line {node.line}: inside a loop over nothing")
            return
        elif node.variable:
            reason = f"${node.variable} is set by the loop at line {node.line}; write the value"
            self.variables.set(node.variable, [Value((Chunk(f"${node.variable}", reason),))])
        self._run(node.body)

    def _case(self, node: ShellCase) -> None:
        subject, chosen = self.variables.value(node.subject.parts), ""
        for part in node.subject.parts:
            if part.kind == "variable" and not part.operation and self.variables.get(part.text) is None:
                subject = known("") if len(node.subject.parts) == 1 else subject
        for patterns, body in node.arms:
            texts = [self.variables.value(pattern.parts) for pattern in patterns]
            truth = _fits(subject, texts)
            if truth is None and not chosen:
                chosen = f"line {node.line}: a case on {subject.text[:60]}, which is known only when it runs"
                self._choose(node, texts, chosen)
                self._taken(body, f"{chosen}; read as {texts[0].text}, the first one", "")
            elif truth is None or (chosen and truth):
                self._not_taken(body, chosen, doubts=False)
            elif truth:
                self._run(body)
                return

    def _choose(self, node: ShellCase, patterns: Sequence[Value], place: str) -> None:
        """Let the variable of a case have the value of the arm that is read, for the conditions after it."""
        parts = node.subject.parts
        names = [part.text for part in parts if part.kind == "variable"]
        text = patterns[0].text if patterns else ""
        if len(names) == 1 and all(part.kind == "variable" or not part.text for part in parts) and text.isalnum():
            self.variables.set(names[0], [Value((Chunk(text),), (f"{place}; read as {text}, the first one",))])

    def _command(self, command: ShellCommand) -> Truth:
        if command.words and command.words[0].plain() == ":":
            self.variables.words(command.words)  # ${name:=word} sets a variable
        if is_test(command):
            return read_test(command, self.variables)
        tokens = list(command.words)
        assignments = []
        while tokens and (tokens[0].kind == "array" or _assigned(tokens[0])):
            assignments.append(tokens.pop(0))
        if not tokens:
            for token in assignments:
                self._assign(token)
            self._heredoc(command, [])
            return Truth(True)
        if (tokens[0].plain() or "") in _DECLARING:
            for token in tokens[1:]:
                if token.kind == "array" or _assigned(token):
                    self._assign(token)
            return Truth(True)
        words = self.variables.words(tokens)
        self._heredoc(command, [value for _, value in words])
        return self._start(command, words)

    def _start(self, command: ShellCommand, words: list[tuple[int, Value]]) -> Truth:
        if not words:
            return Truth(True)
        name = words[0][1].text
        if name in self._functions and self._depth < _DEEPEST_CALL:
            self._call(self._functions[name], [value for _, value in words[1:]])
        elif name in ("source", ".") and len(words) > 1:
            self._source(words[1][1], command.line)
        elif name == "unset":
            for _, value in words[1:]:
                self.variables.set(value.text, [])
        elif name == "eval":
            self._text(" ".join(value.text for _, value in words[1:]), command.line)
        elif name in ("exit", "return", "exec") and len(words) < 3:
            return Truth(True)
        elif name.startswith("-") or is_override(name):
            self.loose.append((command.line, [value for _, value in words], command.line - 1 in self._comments))
        else:
            self._launch(command, words)
        return Truth(True)

    def _launch(self, command: ShellCommand, words: list[tuple[int, Value]]) -> None:
        written = [value.word(line) for line, value in words]
        program = find_program(written, self.hints)
        if program is None:
            return
        if program.script is not None:
            self._text(program.script.text, int(program.script.place.removeprefix("line ")))
            return
        used = {id(word) for word in program.arguments}
        values = [value for word, (_, value) in zip(written, words, strict=True) if id(word) in used]
        doubts = dict.fromkeys(doubt for value in values for doubt in value.doubts)
        taken = self._branch[-1] if self._branch else ""
        self.launches.append(Launch(command.line, program, tuple(doubts), taken))

    def _call(self, function: ShellFunction, arguments: list[Value]) -> None:
        """Follow the body of a function with its arguments."""
        layer = {"@": arguments, "*": arguments, **{str(i): [value] for i, value in enumerate(arguments[:20], 1)}}
        outer = {name: self.variables.layers[-1].get(name) for name in layer}
        self.variables.layers[-1].update(layer)
        self._depth += 1
        self._run(function.body)
        self._depth -= 1
        for name, values in outer.items():
            if values is None:
                self.variables.layers[-1].pop(name, None)
            else:
                self.variables.layers[-1][name] = values

    def _source(self, value: Value, line: int) -> None:
        """Follow a sourced file that lies beside the script."""
        last = [number for number, chunk in enumerate(value.chunks) if chunk.unknown]
        text = "".join(chunk.text for chunk in value.chunks[(last[-1] + 1 if last else 0) :]).lstrip("/") or value.text
        parts = text.split("/")
        names = [value.text, *("/".join(parts[index:]) for index in range(min(len(parts), 8)))]
        tried = (self.text_of(name) for name in names if self._depth < _DEEPEST_CALL)
        found = next((each for each in tried if each is not None), None)
        if found is None:
            if not re.search(r"activate|bashrc|conda|profile|setvars|set_env|env\.sh", text):
                self.variables.missing_file = self.variables.missing_file or text
                self.notes.append(f"line {line}: the variables of {text} are not read; put the file beside this one")
            return
        self._depth += 1
        self.read(found)
        self._depth -= 1

    def _text(self, text: str, line: int) -> None:
        """Follow the text of bash -c or eval."""
        if self._depth < _DEEPEST_CALL:
            self._depth += 1
            self.variables.spend(10 * len(text))
            self.read(text, line)
            self._depth -= 1

    def _assign(self, token: ShellToken) -> None:
        if token.kind == "array":
            name, more = token.text.rstrip("+="), token.text.endswith("+=")
            words = self.variables.words(token.words)
            self.arrays.append((name, words))
            values = [value for _, value in words]
        else:
            found = _ASSIGNMENT.match(token.parts[0].text)
            assert found is not None
            name, more = found["name"], bool(found["more"])
            rest = ShellPart("text", token.parts[0].text[found.end() :], False)
            values = [self.variables.value((rest, *token.parts[1:]))]
        if more and (before := self.variables.get(name)):
            self.variables.spend(sum(len(chunk.text) for value in before for chunk in value.chunks))
            values = [*before, *values] if token.kind == "array" else [_joined(before[0], values[0])]
        self.variables.set(name, values)

    def _heredoc(self, command: ShellCommand, words: list[Value]) -> None:
        """Keep a file that the script writes: ``cat > x.yaml <<EOF``."""
        body = [each.words[-1] for each in command.redirects if each.text in ("<<", "<<-") and len(each.words) > 1]
        target = [each.words[0] for each in command.redirects if each.text in (">", ">>", ">|") and each.words]
        text = self.variables.value(body[-1].parts).text if body else ""
        if target and body:
            self.files[self.variables.value(target[0].parts).text] = text
        elif body and words and words[0].text.rpartition("/")[2] in ("bash", "sh", "tee"):
            if words[0].text == "tee" and len(words) > 1:
                self.files[words[-1].text] = text
            else:
                self._text(text, body[-1].line)


def _assigned(token: ShellToken) -> bool:
    first = token.parts[0] if token.parts else None
    return first is not None and first.kind == "text" and not first.quoted and bool(_ASSIGNMENT.match(first.text))


def _joined(before: Value, after: Value) -> Value:
    chunks = (*before.chunks, *after.chunks)
    if sum(len(chunk.text) for chunk in chunks) > 100_000:
        return Value((Chunk("...", "its text is too long"),))
    if all(not chunk.unknown for chunk in chunks):
        chunks = (Chunk("".join(chunk.text for chunk in chunks)),)
    return Value(chunks, (*before.doubts, *after.doubts)[:20])


def _line(node: Node) -> int:
    return node.line


def _because(line: int, truth: Truth) -> str:
    """Return the place of a branch that rests on variables that are not set."""
    names = ", ".join(f"${name}" for name in truth.unset)
    return f"line {line}: inside a condition on {names}, which is not set"


def _fits(subject: Value, patterns: Sequence[Value]) -> bool | None:
    """Return True if a word fits one of the patterns of an arm, None where that is not known."""
    texts = [pattern.text for pattern in patterns]
    if "*" in texts:
        return True
    if not subject.known or not all(pattern.known for pattern in patterns):
        return None
    return len(subject.text) < 1_000 and any(len(text) < 100 and fnmatchcase(subject.text, text) for text in texts)


def words_of(values: Sequence[tuple[int, Value]]) -> list[Word]:
    """Return values with their lines as words of a command line."""
    return [value.word(line) for line, value in values]
