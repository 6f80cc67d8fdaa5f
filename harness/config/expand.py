"""Rules from other frameworks' configurations: ``+from=FILE`` as overrides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.common import SchemaError
from tricks import TrickError
from tricks.frameworks import DEFAULT, load_recipe, loop_overrides, overrides_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FROM: Final = ("+from=", "from=")


def expand_from(overrides: Sequence[str]) -> list[str]:
    """Replace ``+from=FILE`` by the overrides that it stands for; they come first, so that others replace them.

    The file is the JSON of ``liteppo explain --json``, or ``FRAMEWORK[@RELEASE]:FILE``. It gives the rule, and the
    settings of the loop that it writes out. What no trick computes is refused where the file writes it; a default of
    the framework, such as a schedule of its learning rate, is not carried over. Raises SchemaError where the file
    cannot be read or its rule is not whole.
    """
    named = [override.partition("=")[2] for override in overrides if override.startswith(_FROM)]
    others = [override for override in overrides if not override.startswith(_FROM)]
    if len(named) > 1:
        raise SchemaError(f"+from={named[1]}: given twice; keep one")
    return [word for name in named for word in _stands_for(name)] + others


def _stands_for(name: str) -> list[str]:
    return list(_of_document(name)) if name.endswith(".json") and ":" not in name else _of_configuration(name)


def _of_document(name: str) -> Iterator[str]:
    try:
        found = json.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise SchemaError(
            f"+from={name}: {(error.strerror or '').lower()}; name the output of liteppo explain --json"
        ) from None
    except ValueError as error:
        raise SchemaError(f"+from={name}: no JSON ({error}); name the output of liteppo explain --json") from None
    if not isinstance(found, dict) or not {"overrides", "not_modeled"} <= found.keys():
        raise SchemaError(f"+from={name}: no explained configuration; name the output of liteppo explain --json")
    if found["overrides"] is None:
        raise SchemaError(f"+from={name}: its rule is not whole: {'; '.join(map(str, found['problems']))}")
    written = [each for each in found["not_modeled"] if not str(each["place"]).startswith(DEFAULT)]
    _refuse_more(name, [f"{each['option']}={each['value']}: {each['because']}" for each in written])
    yield from map(str, found["overrides"])


def _of_configuration(name: str) -> list[str]:
    try:
        recipe = load_recipe(name)
    except TrickError as error:
        raise SchemaError(f"+from={error}") from None
    if recipe.explanation is None:
        raise SchemaError(f"+from={name}: a preset; write preset={name}")
    written = [each for each in recipe.explanation.not_modeled if not each.source.startswith(DEFAULT)]
    _refuse_more(name, [f"{each.name}={each.value}: {each.because}" for each in written])
    return [*overrides_of(recipe.explanation), *loop_overrides(recipe.explanation)]


def _refuse_more(name: str, sentences: Sequence[str]) -> None:
    if sentences:
        raise SchemaError(
            f"+from={name}: no trick computes {sentences[0]}; set it to its default in a copy of the file"
        )
