"""Write SkyRL's options by release: the fields of SkyRLTrainConfig and of what is inside it, from the wheels.

python -m tools.peers.options_skyrl
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, Final

from tools.peers.option_files import option_spans, write_options
from tools.peers.sources import list_members, read_member, wheel_of
from tricks.dialects import find_dialect

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIG: Final = "skyrl/train/config/config.py"
_ENVIRONMENTS: Final = re.compile(r"skyrl[-_]gym/(skyrl_gym/)?envs/.*env\.py")
_NAME: Final = re.compile(r"\w+")

_DAPO: Final = {  # of the entry point examples/train/algorithms/dapo/main_dapo.py in the repository
    "trainer.algorithm.overlong_buffer_len": None,
    "trainer.algorithm.overlong_buffer_penalty_factor": 1.0,
}

Field = tuple[str, str, "ast.expr | None"]  # name, annotation, default


def options_of(release: str) -> dict[str, Any]:
    """Return every option of a release by its dotted name, with its default."""
    wheel = wheel_of("skyrl", release)
    members = [_CONFIG, *(name for name in list_members(wheel) if _ENVIRONMENTS.search(name))]
    classes: dict[str, list[Field]] = {}
    for member in members:
        text = read_member(wheel, member)
        assert text is not None
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef):
                classes[node.name] = list(_own_fields(node))
    return {**dict(_options("SkyRLTrainConfig", classes, "", {})), **_DAPO}


def _own_fields(node: ast.ClassDef) -> Iterator[Field]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, ast.unparse(statement.annotation), statement.value


def _options(
    name: str, classes: dict[str, list[Field]], prefix: str, given: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    for field, annotation, value in classes[name]:
        inner = next((word for word in _NAME.findall(annotation) if word in classes), None)
        if inner is not None:
            yield from _options(inner, classes, f"{prefix}{field}.", _keywords(value))
        else:
            yield f"{prefix}{field}", given.get(field, _default(value))


def _keywords(value: ast.expr | None) -> dict[str, Any]:
    """Return what a factory such as ``lambda: OptimizerConfig(lr=5e-6)`` gives."""
    factory = next((word.value for word in getattr(value, "keywords", ()) if word.arg == "default_factory"), None)
    call = factory.body if isinstance(factory, ast.Lambda) else None
    return {str(word.arg): _default(word.value) for word in getattr(call, "keywords", ())}


def _default(value: ast.expr | None) -> Any:
    if isinstance(value, ast.Call):
        given = {word.arg: word.value for word in value.keywords}
        if "default_factory" in given:
            factory = given["default_factory"]
            found = factory.body if isinstance(factory, ast.Lambda) else None
            return {"list": [], "dict": {}}.get(ast.unparse(factory), _default(found))
        return _default(given.get("default"))
    try:
        return None if value is None else ast.literal_eval(value)
    except ValueError:
        return None


def main() -> None:
    """Write the file."""
    releases = find_dialect("skyrl").known_releases
    write_options("skyrl", releases, option_spans(releases, {release: options_of(release) for release in releases}))


if __name__ == "__main__":
    main()
