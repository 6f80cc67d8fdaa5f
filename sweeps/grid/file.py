"""Files of grids: strict YAML, keys, fractional factorials and derived profiles.

``profiles.yaml`` defines derived profiles for all grids. A grid that has a profile of that name keeps its own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from math import prod
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BeforeValidator, Field

from harness.common import SchemaError, build_dataclass, suggest


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


Axes = Mapping[str, Mapping[str, tuple[str, ...]]]  # axis -> label -> Hydra overrides
Written = Mapping[str, Any]  # axis -> a label, or a list of labels
LAPTOP: Final = "laptop"


def _number(written: Any) -> Any:
    """Return text such as 0.20 as a number; grids keep it as text, because it may be a label."""
    try:
        return float(written) if isinstance(written, str) else written
    except ValueError:
        return written


Margin = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class ControlFile:
    """A control: a cell outside the cross whose effect is known, with its own overrides."""

    at: Written  # one label on every axis; axes with a single label may be left out
    overrides: tuple[str, ...]
    expect: Literal["worse", "better"]  # compared with the same cell without the overrides
    because: str
    metric: str | None = None  # the score that must differ; by default the grid's metric


@dataclass(frozen=True, slots=True)
class Profile:
    """The values that replace the grid's own; ``overrides`` are appended to the grid's."""

    axes: Axes = field(default_factory=dict)  # replaces the axes it names
    overrides: tuple[str, ...] = ()
    seeds: tuple[int, ...] | None = None
    baseline: Written | None = None
    skip: tuple[Written, ...] | None = None
    quick: tuple[Written, ...] | None = None
    primary: tuple[Written, ...] | None = None
    margin: Margin | None = None
    controls: Mapping[str, ControlFile] | None = None
    fraction: tuple[tuple[str, ...], ...] | None = None
    choices: tuple[str, ...] = ()  # appended to the grid's
    tuned: str | None = None


@dataclass(frozen=True, slots=True)
class GridFile:
    """A grid as it is written."""

    question: str
    metric: str  # the score that decides, such as "final/accuracy"
    feeds: tuple[str, ...]  # the tables that read it
    axes: Axes
    baseline: Written  # the labels of the baseline, which tables subtract
    seeds: tuple[int, ...]
    skip: tuple[Written, ...] = ()
    quick: tuple[Written, ...] = ()
    overrides: tuple[str, ...] = ()  # common to all cells
    primary: tuple[Written, ...] | None = None  # slices of the declared family; by default all contrasts
    margin: Margin | None = None  # equivalence margin, in the metric's unit
    controls: Mapping[str, ControlFile] = field(default_factory=dict)
    fraction: tuple[tuple[str, ...], ...] = ()  # defining words: two-level axes whose signs multiply to +1
    choices: tuple[str, ...] = ()  # choices that the paper leaves open
    tuned: str | None = None  # a file that `make tune` wrote and a person reviewed, next to the grid
    profiles: Mapping[str, Profile] = field(default_factory=dict)


def check_fraction(words: Sequence[Sequence[str]], axes: Axes) -> None:
    """Check the defining words of a fraction.

    Raises SchemaError for an unknown axis, an axis without exactly two labels, or a repeated axis.
    """
    for place, word in enumerate(words):
        for axis in word:
            if axis not in axes:
                raise SchemaError(f"fraction[{place}]: no axis {axis!r}; {suggest(axis, axes)}")
            if len(axes[axis]) != 2:
                raise SchemaError(f"fraction[{place}]: the axis {axis!r} has {len(axes[axis])} labels; it takes two")
        if len(word) < 2 or len(set(word)) < len(word):
            raise SchemaError(f"fraction[{place}]: name two or more different axes")


def is_in_fraction(point: Mapping[str, str], axes: Axes, words: Sequence[Sequence[str]]) -> bool:
    """Return True if the point is in the fraction that the words define.

    Args:
        point: the labels of a cell
        axes: the axes of the grid
        words: defining words: lists of two-level axes whose signs multiply to +1

    Returns:
        True for all points if there are no words.

    """
    return all(prod(2 * [*axes[axis]].index(point[axis]) - 1 for axis in word) == 1 for word in words)


PROFILES_FILE: Final = Path(__file__).resolve().parents[1] / "profiles.yaml"
MODEL_AXIS: Final = "model"  # the axis whose labels are replaced, and the override of grids without it
Replacements = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Derived:
    """A profile in terms of another. Model labels are names of files in ``harness/conf/model``."""

    of: str
    overrides: tuple[str, ...]  # replace overrides of the same settings
    model: str  # the model where the grid has no axis of models
    instead: Mapping[str, str | None]  # label of the other profile -> label here, null: none; equal ones merge
    seeds: int | None = None  # number of seeds to keep; null keeps all
    choices: tuple[str, ...] = ()


@cache
def read_derived_profiles() -> Mapping[str, Derived]:
    """Return the profiles of ``profiles.yaml`` by name."""
    return {
        name: build_dataclass(Derived, plan, f"{PROFILES_FILE.name}: {name}")
        for name, plan in read_yaml(PROFILES_FILE).items()
    }


def derive_profile(written: GridFile, name: str) -> Profile:
    """Return the profile of that name for this grid.

    Raises SchemaError where the grid lacks the profile that it derives from.
    """
    plan = read_derived_profiles()[name]
    if plan.of != LAPTOP and plan.of not in written.profiles:
        raise SchemaError(f"profiles.{name}: derives from the profile {plan.of!r}, which this grid lacks")
    base = _filled(written, Profile() if plan.of == LAPTOP else written.profiles[plan.of])
    own = (
        plan.overrides if MODEL_AXIS in base.axes else (*plan.overrides, f"{MODEL_AXIS}={_model(written, base, plan)}")
    )
    return replace(
        _renamed(base, plan.instead),
        overrides=(*_without(base.overrides, own), *own),
        seeds=(base.seeds or ())[: plan.seeds],
        choices=(*base.choices, *plan.choices),
        tuned=None,
    )


def _model(written: GridFile, base: Profile, plan: Derived) -> str:
    """Return the model of all cells where the grid has no axis of models.

    It replaces the model that the other profile sets, if any.
    """
    given = [word for word in (*written.overrides, *base.overrides) if word.startswith(f"{MODEL_AXIS}=")]
    label = given[-1].partition("=")[2] if given else ""
    return plan.instead.get(label) or plan.model


def _filled(written: GridFile, profile: Profile) -> Profile:
    """Return the profile with the grid's values filled in, so that all labels can be replaced."""
    names = (field.name for field in fields(Profile) if field.name not in {"axes", "overrides", "choices", "tuned"})
    given = {name: getattr(written, name) if (own := getattr(profile, name)) is None else own for name in names}
    return replace(profile, axes={**written.axes, **profile.axes}, **given)


def _renamed(profile: Profile, instead: Replacements) -> Profile:
    assert profile.baseline is not None
    controls = {name: (each, _slice(each.at, instead)) for name, each in (profile.controls or {}).items()}
    return replace(
        profile,
        axes={axis: _labels(axis, labels, instead) for axis, labels in profile.axes.items()},
        baseline=_slice(profile.baseline, instead) or {},
        controls={name: replace(each, at=at) for name, (each, at) in controls.items() if at is not None},
        skip=_slices(profile.skip, instead),
        quick=_slices(profile.quick, instead),
        primary=_slices(profile.primary, instead),
    )


def _labels(axis: str, labels: Mapping[str, tuple[str, ...]], instead: Replacements) -> Mapping[str, tuple[str, ...]]:
    if axis != MODEL_AXIS:
        return labels
    kept = [label for label in labels if instead.get(label, label)]
    return {instead.get(label) or label: _named(label, labels[label], instead) for label in kept}


def _named(label: str, given: tuple[str, ...], instead: Replacements) -> tuple[str, ...]:
    """Return the overrides of a label: those of the old label with the new model."""
    model = (f"{MODEL_AXIS}={instead[label]}",) if label in instead else ()
    return (*model, *_without(given, model))


def _slices(parts: Sequence[Written] | None, instead: Replacements) -> tuple[Written, ...] | None:
    found = None if parts is None else [_slice(part, instead) for part in parts]
    return None if found is None else tuple(part for part in found if part is not None)


def _slice(part: Written, instead: Replacements) -> Written | None:
    """Return the slice with new labels, or None where none of its labels is left."""
    if MODEL_AXIS not in part:
        return part
    given = part[MODEL_AXIS]
    names = [instead.get(label, label) for label in (given if isinstance(given, list) else [given])]
    kept = list(dict.fromkeys(name for name in names if name))
    return {**part, MODEL_AXIS: kept} if kept else None


def _without(overrides: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """Return the overrides that set nothing that the others set."""
    taken = {word.partition("=")[0] for word in others}
    return tuple(word for word in overrides if word.partition("=")[0] not in taken)
