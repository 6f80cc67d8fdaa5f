"""The ids of all cells that the project's grids have under all of their profiles, and of single runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from harness.common.schema import build_dataclass
from harness.config.compose import compose_fast
from harness.config.experiment import ExperimentConfig
from harness.config.groups import list_config_groups
from sweeps.grid.cells import list_overrides, select_cells
from sweeps.grid.file import LAPTOP, read_derived_profiles, read_yaml
from sweeps.grid.grid import find_grid, list_grid_names, read_grid
from tricks.api import TrickError, list_packages
from tricks.catalog import load_catalog
from tricks.dialects.build import DIALECTS
from tricks.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sweeps.grid.grid import Grid

_MEMBER: Final = re.compile(r"^\+tricks\.(\w+)\.(\w+)=(.*)$")
REFUSED: Final = "refused"  # in place of an id: the rule cannot be made

# One setting of each kind that the grids leave at its default.
SETTINGS: Final = (
    "seed=7",
    "steps=3",
    "checkpoint.every=5",
    "checkpoint.export=true",
    "data.part=all",
    "data.part=tuning",
    "data.part=ablation",
    "rollout.ahead=0",
    "rollout.ahead=1",
    "reward.open_box=wrong",
    "reward.open_box=ignored",
    "eval.open_box=ignored",
    "eval.every=2",
    "optim.lr=0.001",
    "optim.epochs=2",
    "model.path=builtin:large_aligned",
    "backend.num_cpus=2",
    "~tricks.sequence_mean preset=grpo",
    "+tricks.clip_higher.clip_ratio_high=0.3",
    "+tricks.clip={clip_ratio_low:0.2,clip_ratio_high:0.2}",
    "+tricks.group_norm={eps:1e-5,eps_rule:floored}",
    "+tricks.kl_loss={coef:0.01,estimator:k2}",
    "+tricks.token_mean={scope:prompt}",
)


def grid_cells() -> dict[str, Any]:
    """Give each grid and profile its seeds, axes, quick cells and the id of each planned cell by its labels."""
    return {name: {profile: _study(name, profile) for profile in _profiles(name)} for name in list_grid_names()}


def single_cells() -> dict[str, Any]:
    """Give the ids of single runs: each preset, trick, dialect and config option alone."""
    own = sorted(set(load_catalog()) - set(list_packages()))
    return {
        "presets": {name: _id(f"preset={name}") for name in PRESETS},
        "tricks": {name: _id(f"+tricks.{name}={{}}") for name in own},
        "dialects": {
            dialect: {
                **{f"preset={name}": _id(f"preset={name}", f"emulate={dialect}") for name in PRESETS},
                **{f"+tricks.{name}": _id(f"+tricks.{name}={{}}", f"emulate={dialect}") for name in own},
            }
            for dialect in DIALECTS
        },
        "options": {
            group: {option: _id(f"{group}={option}") for option in options}
            for group, options in list_config_groups().items()
        },
        "settings": {line: _id(*line.split(" ")) for line in SETTINGS},
        "run": _config("seed=7").run_id(),
    }


def _profiles(name: str) -> list[str]:
    written = read_yaml(find_grid(name))
    return list(dict.fromkeys([LAPTOP, *written.get("profiles", {}), *read_derived_profiles()]))


def _study(name: str, profile: str) -> dict[str, Any]:
    grid = read_grid(find_grid(name), profile)
    planned, quick = select_cells(grid, full=True), select_cells(grid, full=False)
    return {
        "study": grid.name,
        "profile": grid.profile,
        "metric": grid.metric,
        "seeds": list(grid.seeds),
        "axes": {axis: list(labels) for axis, labels in grid.axes.items()},
        "baseline": dict(grid.baseline),
        "skipped": sum(len(cells) for _, cells in planned.skipped),
        "quick": "all" if quick.cells == planned.cells else sorted(map(_words, quick.cells)),
        "cells": {_words(point): _cell(grid, point) for point in planned.cells},
    }


def _words(point: Mapping[str, str]) -> str:
    return " ".join(point.values())  # in the order of the axes


def _cell(grid: Grid, point: Mapping[str, str]) -> str:
    return _id(*list_overrides(grid, point))


def _config(*given: str) -> ExperimentConfig:
    """Read the settings without ``check``, which asks for models and packages that a machine may lack."""
    return build_dataclass(ExperimentConfig, compose_fast(_plain(given)))


def _plain(given: tuple[str, ...]) -> list[str]:
    """Say the same in words that need no Hydra, which takes 0.1 s a cell: the last option of a group counts."""
    known = list_config_groups()
    last = {override.partition("=")[0]: override for override in given}
    kept = (each for each in given if each.partition("=")[0] not in known or each == last[each.partition("=")[0]])
    return [_MEMBER.sub(r"+tricks.\1={\2:\3}", override) for override in kept]


def _id(*given: str) -> str:
    try:
        return _config(*given).cell_id()
    except TrickError:
        return REFUSED


def all_ids(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield every id of ``grid_cells``."""
    for profiles in found.values():
        for study in profiles.values():
            yield from (one for one in study["cells"].values() if one != REFUSED)
