"""Read YAML strictly: words stay text, and each key is given once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from harness.common.schema import SchemaError

if TYPE_CHECKING:
    from pathlib import Path


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own declaration

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a name is one word", key.start_mark)
            if key.value in keys:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
            keys[key.value] = self.construct_object(value, deep=True)
        return keys


_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:~|null|)$"), ["~", "n", ""])


class _Numbers(_Loader):
    """A loader that reads decimals as numbers: ``0.20``, ``2.1e-05``, ``1e-4``.

    YAML 1.1 reads ``1e-4`` as text.
    """


_FRACTION: Final = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?$")
_Numbers.add_implicit_resolver("tag:yaml.org,2002:float", _FRACTION, list("-+0123456789"))


def read_yaml(path: Path, *, numbers: bool = False) -> Any:
    """Return the document in a YAML file; with ``numbers``, decimals are numbers, not text.

    Raises SchemaError with the file, the line and the fault.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Numbers if numbers else _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise SchemaError(f"{path.name}: {line}{error.problem or error.context}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SchemaError(f"{path.name}: {error}") from None
