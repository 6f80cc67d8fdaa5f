"""Completion of names in a shell: grids, profiles, presets, tricks.

Heavy packages are imported only where a completion needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def grid_names(incomplete: str) -> list[str]:
    """Complete the names of grids."""
    from sweeps.grid.grid import list_grid_names  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, list_grid_names())


def sweep_words(incomplete: str) -> list[str]:
    """Complete a grid, or a setting as an axis of an ad-hoc grid."""
    return [*grid_names(incomplete), *overrides(incomplete)]


def profiles(incomplete: str) -> list[str]:
    """Complete the profiles that every grid has."""
    from sweeps.grid.derived import read_derived_profiles  # noqa: PLC0415 - a shell waits for this
    from sweeps.grid.file import LAPTOP  # noqa: PLC0415

    return _starting(incomplete, (LAPTOP, "gpu", *read_derived_profiles()))


def presets(incomplete: str) -> list[str]:
    """Complete the presets of tricks."""
    from tricks.presets import PRESETS  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, PRESETS)


def trick_names(incomplete: str) -> list[str]:
    """Complete the names of tricks."""
    from tricks.catalog import load_catalog  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, load_catalog())


def dialects(incomplete: str) -> list[str]:
    """Complete the frameworks that can be emulated."""
    from tricks.dialects.registry import DIALECTS  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, ("none", *DIALECTS))


def overrides(incomplete: str) -> list[str]:
    """Complete a Hydra word: a preset, or an option of a config group."""
    from harness.config.groups import list_config_groups  # noqa: PLC0415 - a shell waits for this

    name, equals, value = incomplete.partition("=")
    if not equals:
        return _starting(incomplete, (f"{group}=" for group in ("preset", "emulate", *list_config_groups())))
    known = {"preset": presets, "emulate": dialects}
    found = known[name](value) if name in known else _starting(value, list_config_groups().get(name, []))
    return [f"{name}={option}" for option in found]


def benchmarks(incomplete: str) -> list[str]:
    """Complete the names of benchmarks."""
    from harness.data.benchmarks import BENCHMARKS  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, ("all", "arithmetic", *BENCHMARKS))


def evaluation_presets(incomplete: str) -> list[str]:
    """Complete the presets of evaluations."""
    from harness.config.groups import list_config_groups  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, list_config_groups()["eval"])


def _starting(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]
