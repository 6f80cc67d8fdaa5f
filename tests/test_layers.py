"""The layers of docs/design.md are those of the imports and of the import contracts."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from itertools import chain

import pytest

from tests.imports import PACKAGES, graph, modules
from tests.markdown import ROOT, fences

PROJECT = "project"
SHELLS = {"__main__", "conf", "difficulty"}  # aliases of commands and data files, without layers of their own
Layers = dict[str, list[list[str]]]  # package -> its layers, low to high -> the names of each


@cache
def layers() -> Layers:
    """Read the block of the page."""
    (block,) = (fence.text for fence in fences((ROOT / "docs" / "design.md").read_text()) if fence.language == "layers")
    found: Layers = {}
    for line in block.splitlines():
        if line.startswith(" "):
            found[list(found)[-1]].append(line.strip().split(" | "))
        else:
            found[line] = []
    return found


def upward(package: str) -> list[str]:
    """Imports from a layer of the package to a layer that is not below it."""
    levels = {name: level for level, names in enumerate(layers()[package]) for name in names}
    depth = 0 if package == PROJECT else 1
    edges = [(source, target) for source, targets in graph().items() for target in targets if target in modules()]
    found = []
    for source, target in edges:
        one, other = source.split("."), target.split(".")
        if depth and not (one[0] == other[0] == package and min(len(one), len(other)) > 1):
            continue
        low, high = other[depth], one[depth]
        if low != high and low in levels and levels[low] >= levels[high]:
            found.append(f"{source} imports {target}")
    return found


@pytest.mark.parametrize("package", layers())
def test_every_import_points_down_or_stays_within(package: str) -> None:
    assert upward(package) == []


@pytest.mark.parametrize("package", [name for name in layers() if name != PROJECT])
def test_every_sub_package_has_its_layer(package: str) -> None:
    placed = sorted(chain.from_iterable(layers()[package]))
    parts = {name.split(".")[1] for name in modules() if name.startswith(f"{package}.")}
    assert placed == sorted(parts - SHELLS)


def test_every_package_has_its_layer() -> None:
    assert sorted(chain.from_iterable(layers()[PROJECT])) == sorted(PACKAGES)


@pytest.mark.parametrize("package", [name for name in layers() if name != PROJECT])
def test_the_contracts_of_lint_are_the_layers_of_the_page(package: str) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each.get("containers") == [package])
    assert contract["layers"] == [" | ".join(names) for names in reversed(layers()[package])]


def test_the_shells_hold_no_code_of_their_own() -> None:
    for name, file in modules().items():
        if name.split(".")[1:2] and name.split(".")[1] in SHELLS - {"__main__"}:
            assert file.name in {"__init__.py", "__main__.py"}, file


def test_one_name_of_a_class_means_one_thing() -> None:
    found: dict[str, list[str]] = {}
    for name, file in modules().items():
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(name)
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
