"""What the code knows of one trick: where it acts, its settings, the grids that vary it, what each framework does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.markdown import code, table
from tricks.api import TrickSpec
from tricks.catalog import BUILT_IN_TRICKS
from tricks.dialects.build import DIALECTS
from tricks.dialects.dialect import Dialect, Pattern, Variant
from tricks.presets import PRESETS
from tricks.settings import describe_setting, describe_type, read_field_types

GRIDS = Path(__file__).parent.parent / "sweeps" / "grids"


def trick_block(spec: TrickSpec) -> Iterator[str]:
    """Everything about the trick that is not prose."""
    published = ", ".join(f"{key}={_written(value)}" for key, value in spec.settings.items())
    yield f"- Source: {spec.source}"
    yield f"- Hook: {' and '.join(map(code, spec.hooks))}, by `{spec.cls.__name__}` in `{_file(spec.cls)}`"
    yield f"- Published settings: {code(published) or 'the defaults'}"
    yield f"- Presets with it: {', '.join(map(code, _presets(spec.name))) or 'none'}"
    yield f"- Grids that vary it: {', '.join(map(code, _grids(spec.name))) or 'none'}"
    first = next(other for other in BUILT_IN_TRICKS if other.cls is spec.cls)
    if first.name != spec.name:
        yield f"- Settings: as in [`{first.name}`](#{first.name})"
    elif fields(spec.cls):
        yield from ("", *table(("setting", "takes", "default", "meaning"), _settings(spec.cls)))
    yield from ("", *_frameworks(spec))


def _file(cls: type[Any]) -> str:
    return f"{cls.__module__.replace('.', '/')}.py"


def _settings(cls: type[Any]) -> Iterator[tuple[str, ...]]:
    kinds = read_field_types(cls)
    for field in fields(cls):
        default = "required" if field.default is MISSING else _written(field.default)
        yield code(field.name), describe_type(kinds[field.name]), default, describe_setting(kinds[field.name])


def _written(value: object) -> str:
    return "null" if value is None else f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else str(value)


def _presets(name: str) -> list[str]:
    return [preset.name for preset in PRESETS.values() if name in preset.tricks]


def _grids(name: str) -> list[str]:
    """Grids with an axis of which some labels have the trick and others do not, or have it otherwise."""
    return [grid for grid, axes in _axes().items() if any(_varies(name, labels) for labels in axes.values())]


@cache
def _axes() -> dict[str, dict[str, dict[str, list[str]]]]:
    return {path.stem: yaml.safe_load(path.read_text())["axes"] for path in sorted(GRIDS.glob("*.yaml"))}


def _varies(name: str, labels: Mapping[str, list[str]]) -> bool:
    return len({tuple(sorted(_mentions(name, overrides))) for overrides in labels.values()}) > 1


def _mentions(name: str, overrides: list[str]) -> Iterator[str]:
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        preset = PRESETS.get(value) if key == "preset" else None
        if preset is not None and name in preset.tricks:
            yield str(dict(preset.tricks[name]))
        if key == f"tricks.{name}" or key.startswith(f"tricks.{name}."):
            yield override


def _frameworks(spec: TrickSpec) -> Iterator[str]:
    """A row for each framework that computes the trick otherwise; a line for those that do not, or have none of it."""
    instance, rows, same, absent = (
        spec.cls(**spec.settings),
        list[tuple[str, ...]](),
        list[str](),
        dict[str, list[str]](),
    )
    for dialect in DIALECTS.values():
        variants = [row for row in dialect.variants if Pattern(row.cls, row.when).matches(instance)]
        others = list(_rewrites(dialect, instance))
        if not variants:
            because, where = _because(dialect, instance)
            absent.setdefault(because, []).append(f"{dialect.name} ({code(where)})" if where else dialect.name)
        elif others or any(map(_remarkable(instance), variants)):
            rows += [*(_row(dialect, row, instance) for row in variants), *others]
        else:
            same.append(f"{dialect.name} (`{variants[0].where}`)")
    if rows:
        yield from (*table(("framework", "has", "left to its user", "where", "note"), rows), "")
    if same:
        yield f"- As here: {'; '.join(same)}"
    for because, names in absent.items():
        yield f"- Not in {', '.join(names)}: {because}"


def _remarkable(instance: object) -> Callable[[Variant], bool]:
    return lambda row: bool(_fixed(row, instance) or row.note or row.becomes or row.beside or row.apart)


def _row(dialect: Dialect, row: Variant, instance: object) -> tuple[str, ...]:
    company = [f"beside {_named(pattern)}" for pattern in row.beside] + [f"not beside {_named(p)}" for p in row.apart]
    own = f"computed by {code(row.becomes.__name__)}" if row.becomes else ""
    note = "; ".join(part for part in (row.note, own, ", ".join(company)) if part)
    return dialect.name, _fixed(row, instance) or "as here", ", ".join(row.free), code(row.where), note


def _fixed(row: Variant, instance: object) -> str:
    """Settings in which the framework differs from the trick as the catalog has it."""
    changed = {key: value for key, value in row.then.items() if getattr(instance, key) != value}
    return code(", ".join(f"{key}={_written(value)}" for key, value in changed.items()))


def _rewrites(dialect: Dialect, instance: object) -> Iterator[tuple[str, ...]]:
    """What the framework puts in the place of another part when this one is chosen."""
    for rewrite in dialect.rewrites:
        if any(pattern.matches(instance) for pattern in rewrite.beside):
            yield (
                dialect.name,
                f"{rewrite.hook} becomes {code(repr(rewrite.becomes))}",
                "",
                code(rewrite.where),
                rewrite.note,
            )


def _because(dialect: Dialect, instance: object) -> tuple[str, str]:
    """The reason of the framework's refusal, and its source."""
    refusals = [row for row in dialect.refusals if row.pattern.matches(instance)]
    return (refusals[0].because, refusals[0].where) if refusals else ("nothing there computes it", "")


def _named(pattern: Pattern) -> str:
    settings = ", ".join(f"{key}={_written(value)}" for key, value in pattern.when.items())
    return f"{pattern.cls.__name__}({settings})" if settings else pattern.cls.__name__
