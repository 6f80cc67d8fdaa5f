"""The fields of dataclasses as options with defaults, parsed from files that cannot be imported here."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def dataclass_options(files: Iterable[Path], names: Iterable[str]) -> dict[str, Any]:
    """Return the fields of dataclasses with their defaults, those of base classes included.

    Args:
        files: Where the classes and their bases are; of two classes with one name the first one counts.
        names: The classes, in the order in which a parser takes them.

    Returns:
        Defaults by name, null where there is none or where it is built when the program runs.

    """
    classes: dict[str, ast.ClassDef] = {}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                classes.setdefault(node.name, node)
    found: dict[str, Any] = {}
    for name in names:
        found |= _fields(classes, name)
    return found


def _fields(classes: dict[str, ast.ClassDef], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(classes[name].bases):
        if (last := ast.unparse(base).rpartition(".")[2]) in classes:
            found |= _fields(classes, last)
    for node in classes[name].body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not _is_class_variable(node):
            found[node.target.id] = _default(node.value)
    return found


def _is_class_variable(node: ast.AnnAssign) -> bool:
    return "ClassVar" in ast.unparse(node.annotation)


def _default(value: ast.expr | None) -> Any:
    """Return a literal default, or that of ``field``; a member of an enumeration by its name."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "field":
        given = {each.arg: each.value for each in value.keywords}
        made = given.get("default_factory")
        if isinstance(made, ast.Lambda):
            return _default(made.body)
        return _default(given.get("default")) if made is None else {"list": [], "dict": {}}.get(ast.unparse(made))
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id[:1].isupper():
        return value.attr
    try:
        return None if value is None else ast.literal_eval(value)
    except ValueError:
        return None
