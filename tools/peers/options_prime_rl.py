"""Write the options of prime-rl: every field of its pydantic configurations, by dotted name.

    python -m tools.peers.options_prime_rl [PATH OR ADDRESS OF THE REPOSITORY]

The files are parsed, not imported, since they need packages that are not published. A field whose type is one of
several classes has the fields of all of them.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tools.peers.common import Packages
from tools.peers.snapshots import check_out, write_options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIGS: Final = "packages/prime-rl-configs/src/prime_rl/configs"
ROOTS: Final = (("rl", "RLConfig"),)
COMMIT: Final = "559b447"
SET_LATER: Final = {"top_k": -1, "min_p": 0.0}  # what the orchestrator adds to requests to the policy
_DEEPEST: Final = 8
_LONGEST: Final = 60  # characters of a default; templates of prompts are not kept


@dataclass(slots=True)
class Module:
    """The classes of one file, the types that it names, and where it imports others from."""

    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    aliases: dict[str, ast.expr] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)  # name -> module and name there


def parse_modules(folder: Path) -> dict[str, Module]:
    """Return the modules of a folder by the last part of their name."""
    found = {}
    for path in sorted(folder.glob("*.py")):
        module = Module()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case ast.ClassDef():
                    module.classes[node.name] = node
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    module.aliases[name] = value
                case ast.ImportFrom(module=str(origin)) if origin.startswith("prime_rl.configs."):
                    place = origin.rpartition(".")[2]
                    module.imports |= {each.asname or each.name: (place, each.name) for each in node.names}
        found[path.stem] = module
    return found


def list_options(modules: dict[str, Module], place: str, name: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield names and defaults of the fields of a class and of the classes of its fields.

    Args:
        modules: From ``parse_modules``.
        place: The module of the class.
        name: The class.
        depth: How many classes hold it.

    Yields:
        Dotted names below the class, with defaults as JSON.

    """
    node = modules[place].classes[name]
    for base in node.bases:
        if isinstance(base, ast.Name) and (found := _resolve(modules, place, base.id)):
            yield from list_options(modules, *found, depth)
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            if "ClassVar" in ast.unparse(each.annotation):
                continue
            option = each.target.id
            yield option, _default(each.value)
            if depth < _DEEPEST:
                chosen = _chosen(each.value)
                inners = sorted(_classes(modules, place, each.annotation), key=lambda inner: inner[1] != chosen)
                for inner in inners:
                    for key, value in list_options(modules, *inner, depth + 1):
                        yield f"{option}.{key}", None if _is_off(each.value) else value


def _classes(modules: dict[str, Module], place: str, annotation: ast.expr) -> Iterator[tuple[str, str]]:
    """Yield the classes in a type, also those of the types that it names; lists of classes stay whole."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) in ("list", "dict"):
        return
    for part in ast.walk(annotation):
        if not isinstance(part, ast.Name):
            continue
        if found := _resolve(modules, place, part.id):
            yield found
        elif alias := _alias(modules, place, part.id):
            yield from _classes(modules, *alias)


def _is_off(value: ast.expr | None) -> bool:
    """Return True for a table that is null until one of its fields is given."""
    return isinstance(value, ast.Constant) and value.value is None


def _chosen(value: ast.expr | None) -> str:
    """Return the name of the class whose object is the default; its fields come before those of the others."""
    if not isinstance(value, ast.Call):
        return ""
    given = [each.value for each in value.keywords if each.arg == "default_factory"]
    return ast.unparse(given[0]) if given else ast.unparse(value.func)


def _resolve(modules: dict[str, Module], place: str, name: str) -> tuple[str, str] | None:
    module = modules[place]
    if name in module.classes:
        return place, name
    if name in module.imports and module.imports[name][0] in modules:
        return _resolve(modules, *module.imports[name])
    return None


def _alias(modules: dict[str, Module], place: str, name: str) -> tuple[str, ast.expr] | None:
    module = modules[place]
    if name in module.aliases:
        return place, module.aliases[name]
    if name in module.imports and module.imports[name][0] in modules:
        return _alias(modules, *module.imports[name])
    return None


def _default(value: ast.expr | None) -> Any:
    """Return a default: a literal, the first argument of ``Field``, or None for what is built."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "Field":
        given = [*value.args, *(each.value for each in value.keywords if each.arg == "default")]
        return _default(given[0]) if given else None
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "Path" and value.args:
        return _default(value.args[0])
    try:
        found = None if value is None else ast.literal_eval(value)
    except ValueError:
        return None
    long = isinstance(found, str) and len(found) > _LONGEST
    return None if found is Ellipsis or long else found


def write(words: list[str]) -> Path:
    """Write the options and return the file."""
    source = words[0] if words else "PrimeIntellect-ai/prime-rl"
    modules = parse_modules(check_out(source, COMMIT, Packages().folder / "prime_rl") / CONFIGS)
    options: dict[str, Any] = {}
    for place, name in ROOTS:
        for option, default in list_options(modules, place, name):
            if option not in options:  # the first class of several that gives it a value
                options[option] = default
    options |= {f"orchestrator.train.sampling.extra_body.{name}": value for name, value in SET_LATER.items()}
    return write_options("prime_rl", COMMIT, options)


if __name__ == "__main__":
    print(write(sys.argv[1:]))
