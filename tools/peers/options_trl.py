"""The options of TRL's GRPOConfig by release, with those that it inherits from transformers' TrainingArguments.

Read from the source text of the wheels, so that nothing has to be imported. TRL names a least version of transformers
and no largest one; the fields and defaults of TrainingArguments are those of the version beside which ``trl.py`` runs
the release.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tools.peers.common import Packages
from tools.peers.trl import packages_of
from tools.peers.trl_cases import RELEASES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER: Final = Path(__file__).resolve().parents[2] / "tricks/frameworks/options"
UNKNOWN: Final = "computed"  # a default that only running the code gives


def default_of(value: ast.expr | None) -> Any:
    """Return a field's default as JSON can hold it; no default is None."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) in ("field", "dataclasses.field"):
        keys = {part.arg: part.value for part in value.keywords}
        if "default" in keys:
            return default_of(keys["default"])
        if "default_factory" not in keys:
            return None
        factory = ast.unparse(keys["default_factory"]).removeprefix("lambda:").strip()
        made: dict[str, Any] = {"list": [], "dict": {}}
        return made[factory] if factory in made else _literal(factory)
    if isinstance(value, ast.Attribute):
        return ast.unparse(value)
    return None if value is None else _literal(ast.unparse(value))


def _literal(text: str) -> Any:
    try:
        found = ast.literal_eval(text)
    except ValueError:
        return UNKNOWN
    return list(found) if isinstance(found, tuple | set) else found


def fields_of(text: str, name: str) -> dict[str, Any] | None:
    """Return the fields of a dataclass in a source text and their defaults, or None where it is not there."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return {
                line.target.id: default_of(line.value)
                for line in node.body
                if isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and not line.target.id.startswith("_")
                and "ClassVar" not in ast.unparse(line.annotation)
            }
    return None


def _texts(folder: Path, package: str, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        path = folder / package / name
        if path.exists():
            yield path.read_text(encoding="utf-8")


def options_at(release: str, packages: Packages) -> dict[str, Any]:
    """Return every option at a release with its default; those of TRL come last and hold."""
    folder = packages.install(f"trl=={release}")
    sources = (
        ("trainer/model_config.py", "ModelConfig"),
        ("scripts/utils.py", "ScriptArguments"),
        ("trainer/grpo_config.py", "GRPOConfig"),
    )
    found = inherited(release, packages)
    for name, cls in sources:
        for text in _texts(folder, "trl", (name,)):
            found |= fields_of(text, cls) or {}
    grpo = next(_texts(folder, "trl", ("scripts/grpo.py",)), "")
    return found | (fields_of(grpo, "GRPOScriptArguments") or {})


def async_options_at(release: str, packages: Packages) -> dict[str, Any]:
    """Return every option of AsyncGRPOConfig at a release with its default, those that it inherits included."""
    folder = packages.install(f"trl=={release}")
    (text,) = _texts(folder, "trl", ("experimental/async_grpo/async_grpo_config.py",))
    return inherited(release, packages) | (fields_of(text, "AsyncGRPOConfig") or {})


def inherited(release: str, packages: Packages) -> dict[str, Any]:
    """Return the options of TrainingArguments and of the base of TRL's configurations at a release."""
    folder = packages.install(f"trl=={release}")
    base = packages.install(*packages_of(release))
    found: dict[str, Any] = {}
    sources = (
        (base, "transformers", ("training_args.py",), "TrainingArguments"),
        (folder, "trl", ("trainer/base_config.py", "trainer/_base_config.py"), "_BaseConfig"),
        (folder, "trl", ("trainer/base_config.py",), "BaseConfig"),
    )
    for place, package, names, cls in sources:
        for text in _texts(place, package, names):
            found |= fields_of(text, cls) or {}
    return found


def spans(by_release: dict[str, dict[str, Any]], releases: Sequence[str] = RELEASES) -> dict[str, list[list[Any]]]:
    """Return for every option its spans of releases with one default: first, last or None for today, default."""
    found: dict[str, list[list[Any]]] = {}
    for place, release in enumerate(releases):
        for name, default in by_release[release].items():
            rows = found.setdefault(name, [])
            before = releases[place - 1] if place else None
            if rows and rows[-1][1] == before and rows[-1][2] == default and type(rows[-1][2]) is type(default):
                rows[-1][1] = release
            else:
                rows.append([release, release, default])
    for rows in found.values():
        rows[-1][1] = None if rows[-1][1] == releases[-1] else rows[-1][1]
    return dict(sorted(found.items()))


def record(releases: list[str]) -> str:
    """Write the options of all releases and return a line on them; ``releases`` is not used, all are needed."""
    packages = Packages()
    found = spans({release: options_at(release, packages) for release in RELEASES})
    return write_spans("trl", RELEASES, found)


def write_spans(framework: str, releases: Sequence[str], found: dict[str, list[list[Any]]]) -> str:
    """Write the file of a framework, one option a line, and return a line on it."""
    target = FOLDER / f"{framework}.json"
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(rows)}" for name, rows in found.items())
    head = f'{{\n "framework": "{framework}",\n "releases": {json.dumps(releases)},\n "options": {{\n'
    target.write_text(f"{head}{lines}\n }}\n}}\n", encoding="utf-8")
    return f"{target}: {len(found)} options, {target.stat().st_size} bytes"
