"""The import graph of the product: which module imports which, through the names that packages export."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path

from tests.markdown import ROOT

PACKAGES = ("tricks", "harness", "sweeps", "analysis", "liteppo", "tools")
ALIAS = "__main__.py"  # aliases of commands


@cache
def modules() -> dict[str, Path]:
    """The file of every module."""
    files = chain.from_iterable((ROOT / package).rglob("*.py") for package in PACKAGES)
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


@cache
def exports(package: str) -> dict[str, str]:
    """The names that a package exports, each with the module that defines it; empty for a module."""
    stub = modules()[package].with_suffix(".pyi")
    if package not in packages() or not stub.is_file():
        return {}
    froms = [node for node in ast.parse(stub.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    return {alias.name: f"{package}.{node.module}" for node in froms for alias in node.names}


@cache
def packages() -> frozenset[str]:
    """The names of the packages."""
    return frozenset(name for name, file in modules().items() if file.name == "__init__.py")


def imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield what code imports when it runs, within functions too: modules, each with a name or an empty text."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            yield from chain.from_iterable(imported(part) for part in child.orelse)
        elif isinstance(child, ast.Import):
            yield from ((alias.name, "") for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "relative imports are not read here"
            yield from ((str(child.module), alias.name) for alias in child.names)
        else:
            yield from imported(child)


def resolved(module: str, name: str) -> str:
    """The module that an import of a name loads: one of ours, or the top-level package of somebody else."""
    if module.split(".", maxsplit=1)[0] not in PACKAGES:
        return module.split(".", maxsplit=1)[0]
    inner = f"{module}.{name}"
    return inner if inner in modules() else exports(module).get(name, module)


@cache
def graph() -> dict[str, frozenset[str]]:
    """The modules that every module imports, aliases of commands apart."""
    found = {}
    for name, file in modules().items():
        named = imported(ast.parse(file.read_text(encoding="utf-8"))) if file.name != ALIAS else ()
        found[name] = frozenset(resolved(*each) for each in named) - {name}
    return found


def reached(sources: Iterable[str]) -> dict[str, str]:
    """Every module that importing the sources loads, with the one that imports it first."""
    via = {}
    left = [(source, "") for source in sources]
    while left:
        module, importer = left.pop(0)
        if module not in via:
            via[module] = importer
            left += [(target, module) for target in sorted(graph().get(module, ()))]
    return via


def below(package: str) -> list[str]:
    """A package and every module within."""
    return [name for name in modules() if name == package or name.startswith(f"{package}.")]
