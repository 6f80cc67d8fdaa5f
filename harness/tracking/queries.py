"""Read MLflow's tables by SQL without MLflow, or through a tracking server."""

from __future__ import annotations

import os
import re
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from harness.tracking.errors import StoreError, explain_errors, redact_credentials
from harness.tracking.tags import CELL, SEED, cell_and_seed, run_id as own_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.tracking.client import Tracker


SERVERS: Final = ("http://", "https://")
FILES: Final = "sqlite"  # their addresses hold a path, and no password
_PLAIN_FILE: Final = re.compile(r"sqlite:///([^?:]+)")  # without options
DATABASES: Final = (FILES, "postgresql", "mysql", "mssql")

_UP_TO_PATH: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s\\]*", re.IGNORECASE)


def refuse_unencoded(address: str) -> None:
    """Raise StoreError for an address whose user and password are not percent-encoded.

    The message does not repeat the address.
    """
    if address.startswith(FILES):
        return
    begun = _UP_TO_PATH.match(address)
    if "@" in address[begun.end() if begun else 0 :] or re.search(r"\s", address):
        raise _unreadable()


def strip_credentials(server: str) -> str:
    """Return a server's address without user and password, and store these for MLflow.

    They are put in MLflow's environment variables, which no message shows. Raises StoreError where they cannot be read.
    """
    refuse_unencoded(server)
    try:
        parts = urlsplit(server)
    except ValueError:  # its message may hold the password
        raise _unreadable() from None
    if parts.username is None:
        return server
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username)
    os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password or "")
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _unreadable() -> StoreError:
    return StoreError(
        "MLFLOW_TRACKING_URI cannot be read; percent-encode special characters in user, password and path: '/' is "
        "%2F, '#' is %23, '?' is %3F, '@' is %40, '[' is %5B, a space is %20"
    )


Curve = tuple[tuple[int, float], ...]  # (step, value), by step

# What the pinned MLflow writes; the tests compare with its own client.
_ACTIVE: Final = """
    runs JOIN experiments ON experiments.experiment_id = runs.experiment_id
    AND experiments.lifecycle_stage = 'active' AND runs.lifecycle_stage = 'active'
"""
_RUNS: Final = f"""
    SELECT runs.run_uuid, cell.value, seed.value, runs.status, runs.end_time FROM {_ACTIVE}
    JOIN tags AS cell ON cell.run_uuid = runs.run_uuid AND cell.key = '{CELL}'
    JOIN tags AS seed ON seed.run_uuid = runs.run_uuid AND seed.key = '{SEED}'
    WHERE experiments.name = :study
"""
_ONE_RUN: Final = f"{_RUNS} AND cell.value = :cell AND seed.value = :seed"
_RUN_TAGS: Final = f"""
    SELECT runs.run_uuid, tags.key, tags.value FROM {_ACTIVE} JOIN tags ON tags.run_uuid = runs.run_uuid
    WHERE experiments.name = :study AND tags.key LIKE :key
"""
_EXPERIMENTS: Final = "SELECT name, experiment_id FROM experiments WHERE lifecycle_stage = 'active' ORDER BY name"
_STUDY_TAGS: Final = """
    SELECT experiments.name, experiment_tags.key, experiment_tags.value
    FROM experiments JOIN experiment_tags ON experiment_tags.experiment_id = experiments.experiment_id
    WHERE experiments.lifecycle_stage = 'active' AND experiment_tags.key LIKE :key
"""
_CURVES: Final = f"""
    SELECT runs.run_uuid, metrics.step, metrics.value FROM {_ACTIVE} JOIN metrics ON metrics.run_uuid = runs.run_uuid
    WHERE experiments.name = :study AND metrics.key = :key AND NOT metrics.is_nan
    ORDER BY metrics.step, metrics.timestamp
"""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as MLflow lists it; runs in the trash are never listed."""

    uuid: str  # MLflow's id
    run_id: str  # ours, of the tags that identify a run
    status: str  # "RUNNING", "FINISHED", "FAILED", "KILLED"
    ended: int = 0  # milliseconds since 1970


class StoreReader(Protocol):
    """Read access to a store. In its methods, ``prefix`` is the start of a tag's name."""

    def runs(self, study: str, run_id: str = "") -> list[RunRow]:
        """Return a study's runs outside the trash; only those of ``run_id`` where it is given."""
        ...

    def run_tags(self, study: str, prefix: str) -> Mapping[str, Mapping[str, str]]:
        """Return MLflow's run id -> tags."""
        ...

    def study_tags(self, prefix: str) -> Mapping[str, Mapping[str, str]]:
        """Return study -> tags."""
        ...

    def curves(self, study: str, metric: str) -> Mapping[str, Curve]:
        """Return our run id -> curve."""
        ...

    def experiments(self) -> Mapping[str, str]:
        """Return study -> MLflow's experiment id."""
        ...


class _SqliteFile:
    """A SQLite database, read by Python's own module: the import of SQLAlchemy takes longer than the queries."""

    def __init__(self, file: str) -> None:
        self.file = self.place = file

    def rows(self, query: str, values: Mapping[str, str]) -> Sequence[Any]:
        if not Path(self.file).exists():  # SQLite would make an empty file
            return ()
        with explain_errors(self.place), closing(sqlite3.connect(self.file)) as connection:
            # MLflow's tables come with the first run.
            made = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'runs'").fetchone()
            return connection.execute(query, values).fetchall() if made else ()


class _Database:
    """A database that SQLAlchemy reads."""

    def __init__(self, uri: str) -> None:
        import sqlalchemy as sql  # noqa: PLC0415 - a third of a second that a SQLite file does not need

        try:
            url = sql.engine.make_url(uri)
            self._engine = sql.create_engine(url, poolclass=sql.NullPool)
        except ImportError as error:  # a database driver such as psycopg, which is optional
            raise StoreError(
                f"{redact_credentials(uri)} needs the package {error.name}; install it in MLflow's environment"
            ) from None
        except (sql.exc.ArgumentError, ValueError):
            raise StoreError(f"MLFLOW_TRACKING_URI={redact_credentials(uri)} is not a database address") from None
        self.file = url.database if url.drivername.startswith(FILES) else None
        self.place = self.file or redact_credentials(url.render_as_string())

    def rows(self, query: str, values: Mapping[str, str]) -> Sequence[Any]:
        import sqlalchemy as sql  # noqa: PLC0415 - as above

        if self.file and not Path(self.file).exists():
            return ()
        with explain_errors(self.place), self._engine.connect() as connection:
            made = sql.inspect(connection).has_table("runs")
            return connection.execute(sql.text(query), values).all() if made else ()


class SqlReader:
    """Reader of a database that MLflow wrote.

    A missing database counts as empty; nothing is created.
    """

    def __init__(self, uri: str) -> None:
        refuse_unencoded(uri)
        plain = _PLAIN_FILE.fullmatch(uri)
        self._database = _SqliteFile(plain[1]) if plain else _Database(uri)

    @property
    def place(self) -> str:
        """The name of the store in errors: its file, or its address without the password."""
        return self._database.place

    @property
    def file(self) -> str | None:
        """The file of a SQLite database; None for other databases."""
        return self._database.file

    def runs(self, study: str, run_id: str = "") -> list[RunRow]:
        """Return a study's runs outside the trash; only those of ``run_id`` where it is given."""
        cell, seed = cell_and_seed(run_id)
        found = self._rows(_ONE_RUN, study=study, cell=cell, seed=seed) if run_id else self._rows(_RUNS, study=study)
        return [RunRow(uuid, f"{cell}-s{seed}", status, ended or 0) for uuid, cell, seed, status, ended in found]

    def experiments(self) -> Mapping[str, str]:
        """Return study -> MLflow's experiment id, without MLflow's default experiment."""
        return {name: str(number) for name, number in self._rows(_EXPERIMENTS) if name != "Default"}

    def run_tags(self, study: str, prefix: str) -> Mapping[str, Mapping[str, str]]:
        """Return MLflow's run id -> tags."""
        return _grouped(self._rows(_RUN_TAGS, study=study, key=f"{prefix}%"))

    def study_tags(self, prefix: str) -> Mapping[str, Mapping[str, str]]:
        """Return study -> tags."""
        return _grouped(self._rows(_STUDY_TAGS, key=f"{prefix}%"))

    def curves(self, study: str, metric: str) -> Mapping[str, Curve]:
        """Return our run id -> curve; of a step that was logged twice, the later value."""
        points: dict[str, dict[int, float]] = defaultdict(dict)
        owners = {row.uuid: row.run_id for row in self.runs(study)}
        for uuid, step, value in self._rows(_CURVES, study=study, key=metric):
            if owner := owners.get(uuid):
                points[owner][step] = value
        return {owner: tuple(curve.items()) for owner, curve in points.items()}

    def _rows(self, query: str, **values: str) -> Sequence[Any]:
        return self._database.rows(query, values)


def _grouped(rows: Sequence[tuple[str, str, str]]) -> Mapping[str, Mapping[str, str]]:
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for owner, key, value in rows:
        groups[owner][key] = value
    return groups


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
