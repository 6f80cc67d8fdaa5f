"""Reader of a tracking server, whose tables can only be read through MLflow's client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from harness.tracking.errors import explain_errors
from harness.tracking.queries import RunRow
from harness.tracking.tags import CELL, SEED, cell_and_seed
from harness.tracking.tags import run_id as own_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.tracking.client import Tracker
    from harness.tracking.queries import Curve

PAGE: Final = 1_000  # runs a request


class ServerReader:
    """Reader of a tracking server; every method sends at least one request."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def runs(self, study: str, run_id: str = "") -> list[RunRow]:
        """Return a study's runs outside the trash; only those of ``run_id`` where it is given."""
        cell, seed = cell_and_seed(run_id)
        chosen = f"tags.{CELL} = '{cell}' AND tags.{SEED} = '{seed}'" if run_id else ""
        found = ((run.info, own_id(run.data.tags)) for run in self._runs(study, chosen))
        return [RunRow(info.run_id, own, info.status, info.end_time or 0) for info, own in found if own]

    def run_tags(self, study: str, prefix: str) -> Mapping[str, Mapping[str, str]]:
        """Return MLflow's run id -> tags."""
        tags = {run.info.run_id: _starting(prefix, run.data.tags) for run in self._runs(study)}
        return {uuid: found for uuid, found in tags.items() if found}

    def study_tags(self, prefix: str) -> Mapping[str, Mapping[str, str]]:
        """Return study -> tags."""
        with explain_errors(self._tracker.place):
            tags = {found.name: _starting(prefix, found.tags) for found in self._tracker.client.search_experiments()}
        return {study: found for study, found in tags.items() if found}

    def curves(self, study: str, metric: str) -> Mapping[str, Curve]:
        """Return our run id -> curve; of a step that was logged twice, the later value.

        The method sends one request per run.
        """
        owners = {run.info.run_id: own_id(run.data.tags) for run in self._runs(study)}
        curves = {owner: self._curve(uuid, metric) for uuid, owner in owners.items() if owner}
        return {owner: curve for owner, curve in curves.items() if curve}

    def experiments(self) -> Mapping[str, str]:
        """Return study -> MLflow's experiment id, without MLflow's default experiment."""
        with explain_errors(self._tracker.place):
            found = self._tracker.client.search_experiments()
        return {each.name: str(each.experiment_id) for each in found if each.name != "Default"}

    def _curve(self, uuid: str, metric: str) -> Curve:
        with explain_errors(self._tracker.place):
            points = self._tracker.client.get_metric_history(uuid, metric)
        ordered = sorted(points, key=lambda point: (point.step, point.timestamp))
        return tuple({point.step: point.value for point in ordered if point.value == point.value}.items())

    def _runs(self, study: str, chosen: str = "") -> Iterator[Any]:
        with explain_errors(self._tracker.place):
            experiment = self._tracker.client.get_experiment_by_name(study)
        token: str | None = "" if experiment and experiment.lifecycle_stage == "active" else None
        while token is not None:
            with explain_errors(self._tracker.place):
                page = self._tracker.client.search_runs(
                    [experiment.experiment_id], chosen, max_results=PAGE, page_token=token or None
                )
            yield from page
            token = page.token


def _starting(prefix: str, tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key.startswith(prefix)}
