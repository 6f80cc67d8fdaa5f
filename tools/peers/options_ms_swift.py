"""Write ms-swift's options by release: the fields of RLHFArguments and of Megatron's, from the wheels.

python -m tools.peers.options_ms_swift
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

from tools.peers.option_files import option_spans, write_options
from tools.peers.sources import list_members, read_member, wheel_of
from tricks.dialects import find_dialect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RELEASES: Final = find_dialect("ms_swift").known_releases
_ROOTS: Final = ("RLHFArguments", "MegatronRLHFArguments")
_TRANSFORMERS: Final = ("transformers/training_args_seq2seq.py", "transformers/training_args.py")
_RESOLVED: Final = {"loss_type": "grpo", "beta": 0.04, "rlhf_type": "grpo"}  # what None becomes with rlhf_type=grpo

Classes = dict[str, tuple[list[str], dict[str, Any]]]  # bases and the defaults of the fields, by class


def options_of(release: str) -> dict[str, Any]:
    """Return every option of a release with its default."""
    wheel = wheel_of("ms-swift", release)
    members = [
        name
        for name in list_members(wheel)
        if name.startswith("swift/") and "arg" in name and name.endswith(".py") and "/ui/" not in name
    ]
    found: Classes = {}
    hub = wheel_of("transformers", "4.57.1")
    for member in _TRANSFORMERS:
        text = read_member(hub, member)
        assert text is not None
        found |= {f"Hf{name}": each for name, each in _classes(text).items()}
    for member in members:
        text = read_member(wheel, member)
        assert text is not None
        for name, (bases, fields) in _classes(text).items():
            known = found.get(name, ([], {}))
            found[name] = ([*bases, *known[0]], {**known[1], **fields})
    options: dict[str, Any] = {}
    for root in _ROOTS:
        options = {**dict(_fields(root, found)), **options}
    return {**options, **_RESOLVED}


def _classes(text: str) -> Classes:
    return {
        node.name: ([ast.unparse(base).rpartition(".")[-1] for base in node.bases], dict(_own_fields(node)))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef)
    }


def _own_fields(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or ast.unparse(statement.annotation).startswith("ClassVar"):
            continue
        if isinstance(statement.target, ast.Name):
            yield statement.target.id, _default(statement.value)


def _default(value: ast.expr | None) -> Any:
    if isinstance(value, ast.Call):
        given = {word.arg: word.value for word in value.keywords}
        if "default_factory" in given:
            return {"list": [], "dict": {}}.get(ast.unparse(given["default_factory"]))
        return _default(given.get("default"))
    try:
        return None if value is None else ast.literal_eval(value)
    except ValueError:
        return None


def _fields(name: str, classes: Classes) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a class and its bases; those of the class itself come last and count."""
    bases, own = classes.get(name, classes.get(f"Hf{name}", ([], {})))
    for base in reversed(bases):
        if base != name:
            yield from _fields(base, classes)
    yield from own.items()


def main() -> None:
    """Write the file."""
    found: Mapping[str, dict[str, Any]] = {release: options_of(release) for release in RELEASES}
    write_options("ms_swift", RELEASES, option_spans(RELEASES, found))


if __name__ == "__main__":
    main()
