"""The data of a sweep, read before anything runs: what is missing is said once, and not by every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.problems.remarks import remarks
from harness.problems.source import material

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.config import ExperimentConfig
    from sweeps.plan import PlannedRun


def read_data(runs: Iterable[PlannedRun]) -> tuple[str, ...]:
    """Return the cards of all data that the runs train on, and what is odd about one's own files, each once.

    Raises DataError, or SchemaError for a setting.
    """
    kinds: dict[tuple[object, ...], list[ExperimentConfig]] = {}
    for run in runs:
        kinds.setdefault((run.config.data, str(run.config.eval), run.config.reward), []).append(run.config)
    told = dict[str, None]()
    for configs in kinds.values():
        read = material(configs[0])
        told |= dict.fromkeys(card.text() for card in read.described().values())
        fits = {(config.model, config.rollout): config for config in configs}
        told |= dict.fromkeys(remark for config in fits.values() for remark in remarks(config, read))
    return tuple(told)
