"""The data of a sweep, read before anything runs: what is missing is said once, and not by every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.problems.source import material

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sweeps.plan import PlannedRun


def read_data(runs: Iterable[PlannedRun]) -> tuple[str, ...]:
    """The cards of all tiers that the runs train on, each once. Raises DataError, or SchemaError for a setting."""
    different = {(run.config.data, str(run.config.eval)): run.config for run in runs}
    tiers = {name: tier for config in different.values() for name, tier in material(config).tiers.items()}
    return tuple(tier.card.text() for tier in tiers.values())
