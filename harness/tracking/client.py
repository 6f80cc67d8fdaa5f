"""Minimal MLflow client: the only module of a run that imports MLflow, at the first write."""

from __future__ import annotations

import os
import sqlite3
import time
import warnings
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

from harness.tracking.errors import StoreError, explain_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlflow import MlflowClient

    from harness.tracking.display import DataSet

T = TypeVar("T")
Point = tuple[str, float, int, int]  # metric, value, milliseconds since 1970, step

# Seconds to wait for an answer, and retries until a server counts as away. MLflow's defaults take minutes.
_PATIENCE: Final = {"TIMEOUT": "30", "MAX_RETRIES": "2", "BACKOFF_FACTOR": "1"}
_PARAMS_A_REQUEST: Final = 100
_POINTS_A_REQUEST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Handle:
    """A run that has been started in MLflow."""

    uuid: str  # MLflow's id
    study: str


class Tracker:
    """Writer to MLflow. Its methods raise StoreError with ``place`` in the message."""

    def __init__(self, uri: str, place: str, file: str | None, artifacts: Path) -> None:
        self.place = place
        self.uri = uri
        self._file = file  # file of a SQLite store
        self._artifacts = artifacts  # folder of artifacts for a database store; a server chooses its own
        self._experiments: dict[str, str] = {}

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client, connected."""
        with explain_errors(self.place):
            if self._file:
                _prepare(Path(self._file))
            return _connect(self.uri)

    def start(self, study: str, name: str, tags: Mapping[str, str], params: Mapping[str, str], at: float) -> str:
        """Create a run with status RUNNING and return MLflow's id of it.

        Args:
            study: Name of the experiment.
            name: Name of the run in MLflow's pages.
            tags: Tag name -> value.
            params: Parameter name -> value.
            at: Start time in seconds since 1970.

        Returns:
            MLflow's id of the run.

        Raises:
            StoreError: MLflow cannot be written.

        """
        with explain_errors(self.place):
            run = self.client.create_run(self._experiment(study), int(at * 1000), dict(tags), name)
        self.describe(str(run.info.run_id), params)
        return str(run.info.run_id)

    def describe(self, uuid: str, params: Mapping[str, str]) -> None:
        """Set a run's params. Params that are set already may be given again."""
        with explain_errors(self.place):
            for batch in _batches(tuple(params.items()), _PARAMS_A_REQUEST):
                self.client.log_batch(uuid, params=[_entities().Param(*pair) for pair in batch])

    def write(self, uuid: str, points: Sequence[Point]) -> None:
        """Add points to the curves of a run."""
        with explain_errors(self.place):
            for batch in _batches(points, _POINTS_A_REQUEST):
                self.client.log_batch(uuid, metrics=[_entities().Metric(*point) for point in batch])

    def attach(self, uuid: str, artifacts: Mapping[str, Path | str], inputs: Sequence[DataSet] = ()) -> None:
        """Attach files and data sets to a run.

        Args:
            uuid: MLflow's id of the run.
            artifacts: File name -> text, or the path of a file, which keeps its own name.
            inputs: Data sets that the run read.

        Raises:
            StoreError: MLflow cannot be written.

        """
        with explain_errors(self.place):
            for name, content in artifacts.items():
                if isinstance(content, str):
                    self.client.log_text(uuid, content, name)
                else:
                    self.client.log_artifact(uuid, str(content))
            if inputs:
                self._log_inputs(uuid, inputs)

    def _log_inputs(self, uuid: str, inputs: Sequence[DataSet]) -> None:
        """Log data sets. Where another process adds the same one at that moment, MLflow finds it on the next try."""
        for tries_left in (2, 1, 0):
            try:
                self.client.log_inputs(uuid, [_input(each) for each in inputs])
                return
            except Exception as error:  # of SQLAlchemy or MLflow, by the kind of store
                if not tries_left or "unique" not in str(error).lower():
                    raise

    def conclude(self, uuid: str, tags: Mapping[str, str], points: Sequence[Point]) -> None:
        """Set a run's scores and tags, in one request if they fit.

        Args:
            uuid: MLflow's id of the run.
            tags: Tag name -> value.
            points: Scores as points of curves.

        Raises:
            StoreError: MLflow cannot be written.

        """
        *full, last = [*_batches(points, _POINTS_A_REQUEST - len(tags))] or [()]
        for batch in full:
            self.write(uuid, batch)
        entities = _entities()
        with explain_errors(self.place):
            self.client.log_batch(
                uuid,
                metrics=[entities.Metric(*point) for point in last],
                tags=[entities.RunTag(*pair) for pair in tags.items()],
            )

    def end(self, uuid: str, status: str, at: float | None = None) -> None:
        """Set the final status of a run.

        Args:
            uuid: MLflow's id of the run.
            status: FINISHED, FAILED or KILLED.
            at: End time in seconds since 1970; by default now.

        Raises:
            StoreError: MLflow cannot be written.

        """
        with explain_errors(self.place):
            self.client.set_terminated(uuid, status, int((at or time.time()) * 1000))

    def trash(self, uuid: str) -> None:
        """Move a run to MLflow's trash, from which it can be restored."""
        with explain_errors(self.place):
            self.client.delete_run(uuid)

    def tag_study(self, study: str, tags: Mapping[str, str], prefix: str | None = None) -> None:
        """Set tags of an experiment in order, then remove its old tags.

        Args:
            study: Name of the experiment.
            tags: Tag name -> value.
            prefix: Start of the names of tags that are removed unless ``tags`` holds them; None removes none.

        Raises:
            StoreError: MLflow cannot be written.

        """
        with explain_errors(self.place):
            experiment = self._experiment(study)
            for name, value in tags.items():
                self.client.set_experiment_tag(experiment, name, value)
            for name in self.client.get_experiment(experiment).tags if prefix else ():
                if prefix and name.startswith(prefix) and name not in tags:
                    self._untag(experiment, name)

    def _untag(self, experiment: str, name: str) -> None:
        try:
            with explain_errors(self.place):
                self.client.delete_experiment_tag(experiment, name)
        except StoreError as error:
            if not error.refused:  # else another driver was faster
                raise

    def _experiment(self, study: str) -> str:
        if study not in self._experiments:
            found = self.client.get_experiment_by_name(study)
            if found and found.lifecycle_stage != "active":
                raise StoreError(
                    f"{self.place}: experiment {study!r} is in MLflow's trash; restore it or run `mlflow gc`"
                )
            self._experiments[study] = found.experiment_id if found else self._create(study)
        return self._experiments[study]

    def _create(self, study: str) -> str:
        location = None if self.uri.startswith("http") else (self._artifacts.absolute() / study).as_uri()
        try:
            return str(self.client.create_experiment(study, artifact_location=location))
        except Exception:
            found = self.client.get_experiment_by_name(study)  # another driver was faster
            if found is None:
                raise
            return str(found.experiment_id)


def _prepare(file: Path) -> None:
    if not _made(file):
        _make(file)
    # MLflow retries for minutes where a file is corrupt or cannot be written; SQLite fails immediately.
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=wal")  # readers do not wait for the writer; stays with the file
        database.execute("BEGIN IMMEDIATE")


def _made(file: Path) -> bool:
    if not file.exists():
        return False
    with closing(sqlite3.connect(file)) as database:
        return _filled(database)


def _filled(database: sqlite3.Connection) -> bool:
    return database.execute("SELECT 1 FROM sqlite_master").fetchone() is not None


def _make(file: Path) -> None:
    # MLflow creates its tables in many steps and cannot recover when a crash or a full disk interrupts them.
    draft = file.with_name(f"{file.name}.{uuid4().hex}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.touch()
        _connect(f"sqlite:///{draft}")
        _pour(draft, file)
    finally:
        for left in file.parent.glob(f"{draft.name}*"):
            left.unlink()


def _pour(draft: Path, file: Path) -> None:
    """Fill an empty database in one transaction. Do nothing if another driver has filled it."""
    with closing(sqlite3.connect(draft)) as made, closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=wal")
        database.execute("BEGIN IMMEDIATE")
        if not _filled(database):
            for statement in [*made.iterdump()][1:-1]:  # without the dump's BEGIN and COMMIT
                database.execute(statement)
        database.execute("COMMIT")


def _connect(uri: str) -> MlflowClient:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")  # what it logs is also raised as StoreError
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    for name, value in _PATIENCE.items():
        os.environ.setdefault(f"MLFLOW_HTTP_REQUEST_{name}", value)
    with warnings.catch_warnings(action="ignore"):  # MLflow's warnings about SQLAlchemy
        from mlflow import MlflowClient  # noqa: PLC0415 - a second that readers need not spend

        client = MlflowClient(uri)
        client.search_experiments(max_results=1)  # creates the tables
    return client


def _entities() -> Any:
    from mlflow import entities  # noqa: PLC0415 - as above

    return entities


def _input(found: DataSet) -> Any:
    entities = _entities()
    data_set = entities.Dataset(found.name, found.digest, found.kind, found.source)
    return entities.DatasetInput(data_set, [entities.InputTag("mlflow.data.context", found.context)])


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
