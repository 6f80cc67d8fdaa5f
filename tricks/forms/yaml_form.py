"""Read YAML: nested blocks as dotted names, up to the first error where the text has one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from tricks.forms.defaults import add_defaults
from tricks.forms.reading import (
    DEEPEST,
    LONGEST_NAME,
    MOST_OPTIONS,
    NO_HINTS,
    FormHints,
    FormReading,
    Lines,
    Options,
    join,
    name_key,
    prepare,
)
from tricks.forms.references import resolve_references
from tricks.forms.values import read_yaml_word

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PREFIX: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = {f"{_PREFIX}{name}" for name in ("int", "float", "bool", "null")}
_MERGE: Final = object()


@dataclass(eq=False, slots=True)
class Node:
    """A value of the text: a scalar, or a list or mapping of nodes."""

    line: int
    value: Any = None  # of a scalar
    items: list["Node"] | None = None
    entries: list[tuple[Any, "Node"]] | None = None
    open: bool = True  # until its end was read
    key: Any = field(default=None)  # the key that waits for its value
    waits: bool = False


def read_yaml(text: str, hints: FormHints = NO_HINTS) -> FormReading:
    """Read YAML.

    Args:
        text: the content of a file
        hints: with ``find``, files that ``defaults`` names are read below the options

    Returns:
        The options of the first document with their lines; notes on the other documents and on what is not YAML.

    """
    options = read_yaml_tree(prepare(text), hints)
    resolve_references(options)
    return options.reading("yaml")


def read_yaml_tree(text: str, hints: FormHints = NO_HINTS, depth: int = 0) -> Options:
    """Read YAML and leave references such as ${a.b} as they are, because options of others may change them."""
    options = Options()
    builder = _Builder(options)
    root = builder.read(text)
    if root is None:
        return options
    if root.entries is None:
        if not (root.open or options.noted()):
            options.note(f"line {root.line}: no options, one value without a name; write each option as name: value")
        return options
    budget = _Budget()
    for name, leaf in _leaves(root, options, budget):
        if leaf.open:
            options.note(f"line {leaf.line}: the value of {name} is not complete; it is left out, mend it")
        else:
            options.add(name, _plain(leaf, budget), f"line {leaf.line}")
    if builder.fault_line > 1 and not options.given():
        return _read_before(text, builder.fault_line, options, hints, depth)
    if budget.left <= 0:
        options.note(f"line {root.line}: more than {10 * MOST_OPTIONS} values; the rest is not read; use fewer aliases")
    add_defaults(options, hints, lambda found, inner: read_yaml_tree(found, inner, depth + 1), depth)
    return options


def _read_before(text: str, line: int, options: Options, hints: FormHints, depth: int) -> Options:
    """Read the lines before an error that hides what stands before it, such as a tab."""
    before = read_yaml_tree(text[: Lines(text).begin(line)], hints, depth)
    if not before.given():
        return options
    before.note(options.noted()[0])
    return before


class _Builder:
    """Build nodes from the events of the parser, as far as they come."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._anchors: dict[str, Node] = {}
        self._stack: list[Node] = []
        self.fault_line = 0  # of what is not YAML
        self._root: Node | None = None
        self._last: tuple[Node, int] | None = None  # the last value, and its last line

    def read(self, text: str) -> Node | None:
        parser = _LOADER(text)
        try:
            while parser.check_event():
                event = parser.get_event()
                if isinstance(event, yaml.DocumentStartEvent) and self._another(event):
                    break
                self._take(event)
                if len(self._stack) > DEEPEST:
                    self._options.note(f"{_line(event)}: more than {DEEPEST} nested levels; the rest is not read")
                    break
        except yaml.YAMLError as error:
            self._options.note(_describe(error))
            mark = getattr(error, "problem_mark", None)
            self.fault_line = mark.line + 1 if mark else 0
            if self._stack and self._stack[-1].waits:
                key = name_key(self._stack[-1].key)
                self._options.note(
                    f"line {self.fault_line}: the value of {key} is not complete; it is left out, mend it"
                )
            if self._last is not None and mark and mark.line <= self._last[1]:
                self._last[0].open = True  # the error may be in this value
        finally:
            parser.dispose()
        return self._root

    def _another(self, event: Any) -> bool:
        if self._root is not None and (self._root.entries or self._root.items):
            self._options.note(f"{_line(event)}: a second document begins; it is not read, give it as its own file")
            return True
        self._root = None
        return False

    def _take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                node = Node(_number(event), self._scalar(event), open=False)
                self._put(node, event.anchor)
                self._last = (node, int(event.end_mark.line) if event.end_mark else 0)
            case yaml.AliasEvent():
                self._put(self._alias(event), None)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                many = isinstance(event, yaml.SequenceStartEvent)
                node = Node(_number(event), items=[] if many else None, entries=None if many else [])
                self._put(node, event.anchor)
                self._stack.append(node)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._stack.pop().open = False

    def _put(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        if parent.items is not None:
            parent.items.append(node)
        elif parent.entries is not None and parent.waits:
            parent.entries.append((parent.key, node))
            parent.waits = False
        else:
            parent.key, parent.waits = self._key(node), True

    def _key(self, node: Node) -> Any:
        if node.items is None and node.entries is None:
            return node.value
        self._options.note(f"line {node.line}: a list or mapping as a name; write the name as a word")
        return "?"

    def _alias(self, event: Any) -> Node:
        found = self._anchors.get(event.anchor)
        if found is None or found.open:
            fact = "is not defined above" if found is None else "contains itself"
            self._options.note(f"{_line(event)}: *{event.anchor} {fact}; write the value")
            return Node(_number(event), open=False)
        return found

    def _scalar(self, event: Any) -> Any:
        in_key = bool(self._stack) and self._stack[-1].entries is not None and not self._stack[-1].waits
        if event.implicit[0] and not event.style:
            return _MERGE if in_key and event.value == "<<" else read_yaml_word(event.value)
        if event.tag in _PLAIN_TAGS:
            return read_yaml_word(event.value)
        if event.tag and not event.implicit[1] and event.tag not in ("!", f"{_PREFIX}str"):
            tag = event.tag.replace(_PREFIX, "!!")
            self._options.note(f"{_line(event)}: the tag {tag} is not followed; its value is read as text")
        return event.value


@dataclass(slots=True)
class _Budget:
    """The number of values that are still read; it bounds aliases of aliases."""

    left: int = 10 * MOST_OPTIONS


def _leaves(root: Node, options: Options, budget: _Budget) -> Iterator[tuple[str, Node]]:
    """Yield scalars, lists and empty mappings with their dotted names."""
    waiting = [("", root)]
    while waiting and budget.left > 0:
        name, node = waiting.pop()
        budget.left -= 1
        entries = _entries(node, budget) if node.entries and len(name) <= LONGEST_NAME else None
        if entries:
            _note_repeated(name, entries, options)
            waiting.extend((join(name, key), leaf) for key, leaf in reversed(entries))
        elif name:
            yield name, node


def _entries(node: Node, budget: _Budget) -> list[tuple[str, Node]]:
    """Return the entries of a mapping; those of merged mappings come first, unless it has the name itself."""
    merged: dict[str, Node] = {}
    waiting = [found for key, found in node.entries or () if key is _MERGE][::-1]
    while waiting and budget.left > 0:
        found = waiting.pop()
        budget.left -= 1 + len(found.entries or ()) + len(found.items or ())
        waiting.extend(part for key, part in (found.entries or [])[::-1] if key is _MERGE)
        waiting.extend((found.items or [])[::-1])
        for key, part in found.entries or ():
            if key is not _MERGE:
                merged.setdefault(name_key(key), part)
    own = [(name_key(key), part) for key, part in node.entries or () if key is not _MERGE]
    names = {key for key, _ in own}
    return [*((key, part) for key, part in merged.items() if key not in names), *own]


def _note_repeated(name: str, entries: list[tuple[str, Node]], options: Options) -> None:
    """Note names that hold blocks and are given twice; repeated values are noted where they are added."""
    first: dict[str, Node] = {}
    for key, node in entries:
        if (earlier := first.setdefault(key, node)) is not node and (node.entries or earlier.entries):
            path = join(name, key)
            options.note(
                f"line {node.line}: the block {path} is given a second time, first at line {earlier.line}; "
                "many readers keep only the last; join them"
            )


def _plain(node: Node, budget: _Budget) -> Any:
    """Return the value of a node as plain Python."""
    budget.left -= 1
    if budget.left <= 0:
        return None
    if node.items is not None:
        return [_plain(item, budget) for item in node.items]
    if node.entries is not None:
        return {key: _plain(part, budget) for key, part in _entries(node, budget)}
    return None if node.value is _MERGE else node.value


def _number(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _line(event: Any) -> str:
    return f"line {_number(event)}"


def _describe(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = (getattr(error, "problem", None) or "a character that YAML does not have").strip()
    place = f"line {mark.line + 1}" if mark else "the text"
    return f"{place}: not YAML from here ({problem}); mend the line; options after it are not read"
