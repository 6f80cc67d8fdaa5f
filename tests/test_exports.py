"""Packages export their public names lazily, and other packages import these names from them."""

from __future__ import annotations

import ast
import importlib
import tomllib
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.imports import ALIAS, below, exports, graph, modules, packages, reached
from tests.markdown import ROOT

EXPORTING = sorted(package for package in packages() if exports(package))


def imports_of_modules() -> list[str]:
    """Imports of a name from a module that lies in another package."""
    found = []
    for name, file in modules().items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if file.name != ALIAS else ():
            if isinstance(node, ast.ImportFrom) and node.module in modules() and node.module not in packages():
                package = str(node.module).rpartition(".")[0]
                if exports(package) and name not in below(package):
                    found.append(f"{name}:{node.lineno} {ast.unparse(node)}")
    return found


def test_other_packages_import_the_exported_names() -> None:
    assert imports_of_modules() == []


@pytest.mark.parametrize("package", EXPORTING)
def test_exported_names_are_there(package: str) -> None:
    module = importlib.import_module(package)
    assert sorted(module.__all__) == sorted(exports(package))
    for name, home in exports(package).items():
        assert getattr(module, name) is getattr(importlib.import_module(home), name)


@pytest.mark.parametrize("package", EXPORTING)
def test_no_exported_name_is_private_or_that_of_a_module(package: str) -> None:
    assert [name for name in exports(package) if name.startswith("_") or f"{package}.{name}" in modules()] == []


def test_no_file_imports_itself_through_others() -> None:
    try:
        list(TopologicalSorter(graph()).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def forbidden() -> list[tuple[str, list[str], list[str]]]:
    """Contracts of lint that forbid imports: their names, sources and forbidden modules."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return [
        (each["name"], each["source_modules"], each["forbidden_modules"])
        for each in contracts
        if each["type"] == "forbidden" and "optuna" not in each["forbidden_modules"]  # one module may import Optuna
    ]


@pytest.mark.parametrize(("name", "sources", "refused"), forbidden())
def test_contracts_hold_through_the_names_that_packages_export(
    name: str, sources: list[str], refused: list[str]
) -> None:
    """Lint follows imports of modules alone, and a package loads the module of an exported name when it is asked."""
    via = reached(module for source in sources for module in below(source))
    broken = [
        f"{via[module]} imports {module}"
        for module in via
        if any(module in below(one) or module == one for one in refused)
    ]
    assert broken == [], name
