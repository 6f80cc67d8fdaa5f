"""Profiles that are derived from another profile, with other engines and models.

``profiles.yaml`` defines them for all grids. A grid that has a profile of that name keeps its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.common.schema import SchemaError, build_dataclass
from harness.common.yaml import read_yaml
from sweeps.grid.file import LAPTOP, GridFile, Profile, Written

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE: Final = Path(__file__).resolve().parents[1] / "profiles.yaml"
MODEL: Final = "model"  # the axis whose labels are replaced, and the override of grids without it
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
    return {name: build_dataclass(Derived, plan, f"{FILE.name}: {name}") for name, plan in read_yaml(FILE).items()}


def derive_profile(written: GridFile, name: str) -> Profile:
    """Return the profile of that name for this grid.

    Raises SchemaError where the grid lacks the profile that it derives from.
    """
    plan = read_derived_profiles()[name]
    if plan.of != LAPTOP and plan.of not in written.profiles:
        raise SchemaError(f"profiles.{name}: derives from the profile {plan.of!r}, which this grid lacks")
    base = _filled(written, Profile() if plan.of == LAPTOP else written.profiles[plan.of])
    own = plan.overrides if MODEL in base.axes else (*plan.overrides, f"{MODEL}={_model(written, base, plan)}")
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
    given = [word for word in (*written.overrides, *base.overrides) if word.startswith(f"{MODEL}=")]
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
    if axis != MODEL:
        return labels
    kept = [label for label in labels if instead.get(label, label)]
    return {instead.get(label) or label: _named(label, labels[label], instead) for label in kept}


def _named(label: str, given: tuple[str, ...], instead: Replacements) -> tuple[str, ...]:
    """Return the overrides of a label: those of the old label with the new model."""
    model = (f"{MODEL}={instead[label]}",) if label in instead else ()
    return (*model, *_without(given, model))


def _slices(parts: Sequence[Written] | None, instead: Replacements) -> tuple[Written, ...] | None:
    found = None if parts is None else [_slice(part, instead) for part in parts]
    return None if found is None else tuple(part for part in found if part is not None)


def _slice(part: Written, instead: Replacements) -> Written | None:
    """Return the slice with new labels, or None where none of its labels is left."""
    if MODEL not in part:
        return part
    given = part[MODEL]
    names = [instead.get(label, label) for label in (given if isinstance(given, list) else [given])]
    kept = list(dict.fromkeys(name for name in names if name))
    return {**part, MODEL: kept} if kept else None


def _without(overrides: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """Return the overrides that set nothing that the others set."""
    taken = {word.partition("=")[0] for word in others}
    return tuple(word for word in overrides if word.partition("=")[0] not in taken)
