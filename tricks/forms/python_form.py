"""Read keyword arguments of Python, ``GRPOConfig(beta=0.0, loss_type="dapo")``, without running anything."""

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final

from tricks.forms.calls import cut_arguments
from tricks.forms.literals import UNKNOWN, read_literal
from tricks.forms.reading import NO_HINTS, FormHints, FormReading, Options, prepare, shorten
from tricks.forms.shell_form import read_shell

_USUAL: Final = ("*Config", "*Arguments", "*Args")  # of classes of options
_OTHERS: Final = re.compile(
    r"(?:SFT|DPO|OnlineDPO|KTO|ORPO|CPO|BCO|XPO|NashMD|GKD|PRM|Reward)(?:Config|Arguments|Args)$"
)
_COMMAND: Final = re.compile(
    r"[ \t]*(?:[A-Z_]+=\S*[ \t]+)*(?:accelerate|torchrun|python3?|trl|uv|deepspeed|swift)[ \t]+\S"
)
_KEYWORDS: Final = re.compile(r"\s*(?:#[^\n]*\n\s*)*(?:[A-Za-z_]\w*\s*=(?!=)|\*\*)")


def read_python(text: str, hints: FormHints = NO_HINTS) -> FormReading:
    """Read the keyword arguments of the call that makes the options.

    Args:
        text: a Python file, a call, keyword arguments alone or a dictionary
        hints: ``constructors`` names the classes; without it, those that end with Config, Arguments or Args

    Returns:
        The keyword arguments that are plain: literals, arithmetic of them, names assigned once to such a value in the
        file. Notes name the others, and further calls.

    """
    text = prepare(text)
    options = Options()
    tree = parse(text)
    if tree is None and _KEYWORDS.match(text):
        tree = parse(f"dict({text}\n)")
    if tree is None:
        _read_pieces(text, hints, options)
    else:
        _read_tree(tree, hints, options)
    if not options.given() and _KEYWORDS.match(text) and (wrapped := parse(f"dict({text}\n)")):
        _read_tree(wrapped, hints, options)  # a=1, on a line of its own is an assignment, too
    reading = options.reading("python")
    return reading if tree is None or reading.given else _read_docstring(tree, text, hints) or reading


def _read_docstring(tree: ast.Module, text: str, hints: FormHints) -> FormReading | None:
    """Read the command that the docstring of a script shows, for a script that takes its options from there."""
    first = tree.body[0] if tree.body else None
    if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and ast.get_docstring(tree)):
        return None
    lines = [line.replace("\\\\", "\\") for line in text.split("\n")[first.lineno - 1 : first.end_lineno]]
    begins = [number for number, line in enumerate(lines) if _COMMAND.match(line)]
    best: FormReading | None = None
    for begin in begins[:20]:
        end = begin
        while end < len(lines) - 1 and lines[end].rstrip().endswith("\\"):
            end += 1
        command = "\n" * (first.lineno - 1 + begin) + "\n".join(lines[begin : end + 1])
        reading = read_shell(command, hints)
        if best is None or len(reading.given) > len(best.given):
            best = reading
    if best is None or not best.given:
        return None
    return replace(best, notes=(f"line {first.lineno}: the command in the docstring is read", *best.notes))


def parse(text: str) -> ast.Module | None:
    """Return the syntax tree of the text, or None where it is not Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in strings
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _read_tree(tree: ast.Module, hints: FormHints, options: Options) -> None:
    statements = list(_walk(tree))
    names = _names(statements)
    calls = [node for node in statements if isinstance(node, ast.Call)]
    chosen = _choose(calls, hints, options)
    if chosen is None:
        _read_mapping(tree, names, options)
        return
    _read_call(chosen, names, _mappings(statements), options)
    _read_changes(chosen, statements, names, options)


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree in the order of the text, without recursion."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(list(ast.iter_child_nodes(node))))


def _names(nodes: Sequence[ast.AST]) -> dict[str, Any]:
    """Return the names that are assigned once, to a plain value."""
    counts: dict[str, int] = {}
    found: dict[str, Any] = {}
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                counts[name] = counts.get(name, 0) + 1
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                if (plain := read_literal(value, found)) is not UNKNOWN:
                    found[name] = plain
    return {name: value for name, value in found.items() if counts[name] == 1}


def constructor(call: ast.Call) -> str:
    """Return the last part of the name that is called."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _choose(calls: Sequence[ast.Call], hints: FormHints, options: Options) -> ast.Call | None:
    """Return the call with the most keyword arguments, of the first class in the hints that is called."""
    for pattern in hints.constructors or _USUAL:
        found = [call for call in calls if fnmatchcase(constructor(call), pattern) and call.keywords]
        if not hints.constructors:
            found = [call for call in calls if any(fnmatchcase(constructor(call), each) for each in _USUAL)]
        if found:
            best = max(found, key=lambda call: len(call.keywords))
            for call in found:
                if call is not best:
                    options.note(
                        f"line {call.lineno}: {constructor(call)} is called here too; the call at line {best.lineno} "
                        "is read; give the other one alone to read it"
                    )
            return best
    return None


def _read_call(call: ast.Call, names: dict[str, Any], mappings: dict[str, ast.expr], options: Options) -> None:
    name = constructor(call)
    if _OTHERS.match(name):
        options.note(f"line {call.lineno}: {name} is of another trainer, and only GRPO-like training is explained")
    if call.args:
        options.note(f"line {call.lineno}: {name} has arguments without names; write name=value")
    for each in call.keywords:
        if each.arg is None and isinstance(each.value, ast.Name) and each.value.id in mappings:
            _read_entries(mappings[each.value.id], names, options)
        else:
            _read_keyword(each.arg, each.value, names, options)


def _mappings(nodes: Sequence[ast.AST]) -> dict[str, ast.expr]:
    """Return the dictionaries that names are given once, some of whose entries may not be plain."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                found.setdefault(name, []).append(value)
    kinds = (ast.Dict, ast.Call)
    return {name: each[0] for name, each in found.items() if len(each) == 1 and isinstance(each[0], kinds)}


def _read_entries(node: ast.expr, names: dict[str, Any], options: Options) -> None:
    """Read the entries of a dictionary one by one."""
    match node:
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                name = read_literal(key, names) if key is not None else None
                _read_keyword(None if name is None else str(name), value, names, options)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            for each in keywords:
                _read_keyword(each.arg, each.value, names, options)
        case _:
            _read_keyword(None, node, names, options)


def _read_keyword(name: str | None, node: ast.expr, names: dict[str, Any], options: Options) -> None:
    place = f"line {node.lineno}"
    value = read_literal(node, names)
    if name is None:
        if isinstance(value, dict):
            for key, part in value.items():
                options.add(str(key), part, place)
        else:
            options.note(f"{place}: **{_source(node)} is not a plain mapping; write its entries as name=value")
    elif value is UNKNOWN:
        options.note(f"{place}: {name} is {_source(node)}, which is known only when it runs; write the value")
    else:
        options.add(name, value, place)


def _read_changes(call: ast.Call, nodes: Sequence[ast.AST], names: dict[str, Any], options: Options) -> None:
    """Read assignments to attributes of the options after the call: ``config.beta = 0.1``."""
    target = next((node.targets[0] for node in nodes if isinstance(node, ast.Assign) and node.value is call), None)
    if not isinstance(target, ast.Name):
        return
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=owner), attr=name)], value=value) if (
                owner == target.id and node.lineno > call.lineno
            ):
                options.remove(name)
                _read_keyword(name, value, names, options)


def _read_mapping(tree: ast.Module, names: dict[str, Any], options: Options) -> None:
    """Read a dictionary or a call of dict that stands alone, or the longest one that a name is given."""
    found: list[tuple[int, dict[str, Any], int]] = []
    for node in tree.body:
        match node:
            case ast.Expr(value=value) | ast.Assign(value=value):
                if isinstance(value, ast.Call) and constructor(value) == "dict":
                    for each in value.keywords:
                        _read_keyword(each.arg, each.value, names, options)
                    continue
                plain = read_literal(value, names)
                if isinstance(plain, dict) and plain:
                    found.append((len(plain), plain, node.lineno))
    if found and not options.given():
        _, plain, line = max(found, key=lambda each: each[0])
        options.add("", plain, f"line {line}")


def _read_pieces(text: str, hints: FormHints, options: Options) -> None:
    """Read the arguments of a call one by one from a text that is not Python as a whole."""
    pieces = cut_arguments(text, hints.constructors or _USUAL)
    if pieces is None:
        options.note("the text is not Python; give the call with the options alone")
        return
    options.note(f"line {pieces.fault_line}: not Python from here; what could be read of {pieces.name} is read")
    for line, piece in pieces.arguments:
        tree = parse(f"f({piece}\n)")
        call = tree.body[0].value if tree and isinstance(tree.body[0], ast.Expr) else None
        if not isinstance(call, ast.Call) or len(call.keywords) != 1:
            options.note(f"line {line}: {shorten(piece.strip())} is no argument of the form name=value; mend it")
            continue
        ast.increment_lineno(call, line - 1)
        _read_keyword(call.keywords[0].arg, call.keywords[0].value, {}, options)


def _source(node: ast.expr) -> str:
    text = ast.unparse(node) if sum(1 for _ in _walk(node)) < 200 else "a long expression"
    return text if len(text) <= 60 else f"{text[:56]} ..."
