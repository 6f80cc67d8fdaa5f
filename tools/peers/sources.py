"""Functions of released packages, run from their source files without the imports of their package.

A trainer's module imports serving engines and hubs that its arithmetic does not use. Here the functions and methods of
a file are compiled as they are written, in a namespace of our choice. Only decorators are left out.
"""

from __future__ import annotations

import ast
import io
import subprocess
import zipfile
from functools import cache
from typing import TYPE_CHECKING, Any

from tools.peers.common import Packages, PeerError, pip_command

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path
    from types import CodeType

_FUTURE = "from __future__ import annotations\n"


@cache
def wheel_of(package: str, release: str) -> Path:
    """Return the wheel of a release, downloaded from the package index where it is not there yet.

    Raises PeerError where the index has no such release.
    """
    folder = Packages().folder / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{package.replace('-', '_')}-{release}-"
    found = [path for path in folder.glob("*.whl") if path.name.startswith(stem)]
    if not found:
        words = ["download", "-q", "--no-deps", "-d", str(folder), f"{package}=={release}"]
        done = subprocess.run([*pip_command(), *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise PeerError(f"{package}=={release} cannot be downloaded: {done.stderr.strip()}")
        found = [path for path in folder.glob("*.whl") if path.name.startswith(stem)]
    return found[0]


@cache
def read_member(wheel: Path, member: str) -> str | None:
    """Return the text of a file in a wheel, or None where the release has no such file."""
    with zipfile.ZipFile(wheel) as archive:
        if member not in archive.namelist():
            return None
        return io.TextIOWrapper(archive.open(member), "utf-8").read()


def list_members(wheel: Path) -> list[str]:
    """Return the names of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def load_functions(text: str, namespace: dict[str, Any], *, of: str = "", only: Collection[str] = ()) -> list[str]:
    """Define the functions of a source text, or the methods of one of its classes, in a namespace.

    Args:
        text: The source.
        namespace: Where they are defined; they look up their globals there.
        of: The class whose methods are taken; "" takes the functions of the module.
        only: The names that are taken; empty for all.

    Returns:
        The names.

    """
    code, names = _compiled(text, of, tuple(only))
    exec(code, namespace)
    return names


@cache
def _compiled(text: str, of: str, only: tuple[str, ...]) -> tuple[CodeType, list[str]]:
    tree = ast.parse(text)
    body = tree.body
    if of:
        body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == of)
    taken = [node for node in body if isinstance(node, ast.FunctionDef) and (not only or node.name in only)]
    for node in taken:
        node.decorator_list = []
    module = ast.Module([*ast.parse(_FUTURE).body, *taken], [])
    return compile(ast.fix_missing_locations(module), "<release>", "exec"), [node.name for node in taken]


@cache
def constants(text: str) -> Mapping[str, Any]:
    """Return the module's assignments of plain values, such as a list of names."""
    found: dict[str, Any] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found
