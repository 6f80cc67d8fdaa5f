"""The shape of documents: keys, nesting and kinds of values, without the values."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


def observed(value: Any, free: Collection[str] = ()) -> Any:
    """Give the shape of a document that was read. Keys of the objects named in ``free`` depend on the run."""
    if isinstance(value, dict):
        shapes = {key: observed(inner, free) for key, inner in value.items()}
        return {
            key: {"*": _alike(shape)} if key in free and isinstance(shape, dict) else shape
            for key, shape in shapes.items()
        }
    if isinstance(value, list):
        return [_merged((observed(inner, free) for inner in value), nulls=False)] if value else []
    return _kind(value)


def declared(cls: Any) -> Any:
    """Give the shape of the documents that are read into a dataclass, with the defaults of what may be left out."""
    schema = TypeAdapter(cls).json_schema()
    return _declared(schema, schema.get("$defs", {}))


def without_numbers(names: Iterable[str]) -> list[str]:
    """Put N for the numbers in names, such as those of layers, and list each once."""
    return sorted({re.sub(r"(?<![\w-])\d+(?![\w-])", "N", name) for name in names})


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "flag"
    return "text" if isinstance(value, str) else "number"


def _merged(shapes: Iterable[Any], *, nulls: bool = True) -> Any:
    """Give the shape of all of them: objects share their keys, other kinds stand side by side.

    Without ``nulls`` those beside values do not count: which samples lack a number may depend on the machine.
    """
    found = list({json.dumps(shape, sort_keys=True): shape for shape in shapes}.values())
    if len(found) > 1 and all(isinstance(shape, dict) for shape in found):
        keys = {key for shape in found for key in shape}
        return {key: _merged((shape[key] for shape in found if key in shape), nulls=nulls) for key in sorted(keys)}
    if len(found) > 1 and all(isinstance(shape, list) for shape in found):
        inner = [one for shape in found for one in shape]
        return [_merged(inner, nulls=nulls)] if inner else []
    if len(found) > 1:
        words = (shape if isinstance(shape, str) else json.dumps(shape) for shape in found)
        kinds = {part for word in words for part in word.split(" or ")}
        return " or ".join(sorted(kinds if nulls or len(kinds) == 1 else kinds - {"null"}))
    return found[0] if found else {}


def _alike(shapes: Mapping[str, Any]) -> str:
    """Give the kind of values that are all of one kind."""
    found = {json.dumps(shape) for shape in shapes.values()}
    return json.loads(found.pop()) if len(found) == 1 else "anything"


def _declared(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    if "$ref" in schema or "allOf" in schema:
        target = schema["allOf"][0] if "allOf" in schema else known[schema["$ref"].rpartition("/")[2]]
        return _declared(target, known)
    if "anyOf" in schema:
        return _merged(_declared(one, known) for one in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return "one of " + ", ".join(json.dumps(one) for one in schema.get("enum", [schema.get("const")]))
    return _typed(schema, known)


def _typed(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    kind = schema.get("type", "anything")
    if kind == "object":
        return _object(schema, known)
    if kind == "array":
        return [_declared(part, known) for part in schema.get("prefixItems") or [schema.get("items", {})]]
    return {"string": "text", "boolean": "flag", "integer": "whole number"}.get(kind, kind)


def _object(schema: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    if "properties" not in schema:
        others = schema.get("additionalProperties")
        return {"*": _declared(others, known) if isinstance(others, dict) else "anything"}
    needed = set(schema.get("required", ()))
    found: dict[str, Any] = {}
    for name, part in schema["properties"].items():
        shape = _declared(part, known)
        # A default that is made anew for each document, such as an empty mapping, is not in the schema.
        found[name] = shape if name in needed else {"by default": part.get("default", "empty"), "else": shape}
    return found
