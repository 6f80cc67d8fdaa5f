"""Runs and studies in MLflow, the only persistent store, which only the driver writes.

``python -m harness.tracking.store publish results/runs`` adds what a crash left out.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import yaml

from harness.common import SchemaError, atomic_write, is_reference, read_json
from harness.records import DATA_PREFIX, FIRED_PREFIX, RunRecord, Study
from harness.tracking.client import Handle, Tracker
from harness.tracking.display import (
    CELL_NAME,
    KIND,
    NOTE,
    VIEW,
    WRITTEN_LINE,
    build_view,
    cell_name,
    describe_study,
    list_data_sets,
    run_name,
    study_page,
)
from harness.tracking.errors import REPAIR_COMMAND, StoreError, explain_errors, redact_credentials
from harness.tracking.journal import JournalStep, is_on_other_host, is_other_process, name_process
from harness.tracking.publish import publish_missing, study_file
from harness.tracking.queries import (
    DATABASES,
    SERVERS,
    RunRow,
    ServerReader,
    SqlReader,
    refuse_unencoded,
    strip_credentials,
)
from harness.tracking.tags import (
    ATTEMPT,
    CLAIM,
    DRIVER,
    EXPERIMENT_TAG_LIMIT,
    RECORD,
    RUN_TAG_LIMIT,
    STUDY,
    build_tags,
    encode_record,
    escape_name,
    pack_edition,
    pack_tags,
    params,
    unpack_edition,
    unpack_tags,
)
from harness.tracking.uploader import RECORD_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.records import RunHead
    from harness.tracking.client import Point
    from harness.tracking.queries import Curve, StoreReader

T = TypeVar("T")

_ALIVE: Final = ("RUNNING", "SCHEDULED")
LOCAL_PAGES: Final = "http://127.0.0.1:5000"  # of `make ui`


class Store:
    """Planned studies and recorded runs.

    Methods raise StoreError where the store cannot be read or written.
    """

    def __init__(self, reader: StoreReader, tracker: Tracker, runs: Path) -> None:
        self.place = tracker.place  # the file or the address
        self.shared = bool(os.environ.get("MLFLOW_TRACKING_URI"))  # drivers on other hosts may write there too
        self._reader = reader
        self._tracker = tracker
        self._runs = runs
        self._known: dict[tuple[str, str], Study | None] = {}  # name and profile -> study; it names the runs

    @classmethod
    def open(cls, results: Path) -> Self:
        """Open the store at MLFLOW_TRACKING_URI, or else ``results/mlflow.db``.

        Nothing is created before the first write. Raises StoreError for an unusable address or folder.
        """
        if is_reference(results):
            raise StoreError(f"{results} holds the reference results, not a store; name another folder")
        uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{results / 'mlflow.db'}"
        artifacts, runs = results / "mlartifacts", results / "runs"
        if uri.startswith(SERVERS):
            uri = strip_credentials(uri)
            tracker = Tracker(uri, redact_credentials(uri), None, artifacts)
            return cls(ServerReader(tracker), tracker, runs)
        refuse_unencoded(uri)
        if not uri.startswith(DATABASES):
            raise StoreError(
                f"MLFLOW_TRACKING_URI={redact_credentials(uri)} is neither a database nor a server; use "
                "sqlite:///FILE or "
                "http://HOST"
            )
        reader = SqlReader(uri)
        return cls(reader, Tracker(uri, reader.place, reader.file, artifacts), runs)

    def statuses(self, study: str) -> Mapping[str, str]:
        """Return run id -> "RUNNING", "FAILED", "KILLED" or "FINISHED", without MLflow's trash."""
        rows = sorted(
            self._reader.runs(study), key=lambda row: row.status == "FINISHED"
        )  # a finished run takes precedence
        return {row.run_id: row.status for row in rows}

    def finished(self, study: str) -> frozenset[str]:
        """Return the ids of the finished runs, which need not run again."""
        return frozenset(run_id for run_id, status in self.statuses(study).items() if status == "FINISHED")

    def records(self, study: str) -> list[RunRecord]:
        """Return the records of a study's finished and failed runs, ordered by run id."""
        texts = (unpack_tags(RECORD, chunks) for chunks in self._reader.run_tags(study, f"{RECORD}.").values())
        return sorted((self._read(RunRecord, text) for text in texts), key=lambda record: record.run_id)

    def studies(self) -> tuple[Study, ...]:
        """Return the planned studies, ordered by name and profile, without the unreadable ones."""
        return tuple(study for study in self._studies().values() if isinstance(study, Study))

    def unreadable(self) -> Mapping[tuple[str, str], str]:
        """Return (name, profile) -> fault of each study that cannot be read.

        ``save_study`` repairs it.
        """
        return {of: fault for of, fault in self._studies().items() if isinstance(fault, str)}

    def history(self, study: str, metric: str) -> Mapping[str, Curve]:
        """Return the curves of a metric: run id -> ((step, value), ...)."""
        return self._reader.curves(study, escape_name(metric))

    def links(self, study: str) -> Mapping[str, str]:
        """Return run id -> address of the run in the pages of the server or of ``make ui``."""
        rows = sorted(
            self._reader.runs(study), key=lambda row: row.status == "FINISHED"
        )  # a finished run takes precedence
        number = self._reader.experiments().get(study, "")
        return {row.run_id: f"{study_page(self._address, number)}/{row.uuid}" for row in rows}

    def save_study(self, study: Study) -> None:
        """Save what tables need to know about a grid.

        A copy is saved with the runs, so that ``publish_missing`` can restore it.
        """
        text, prefix, beside = study.to_json(), f"{STUDY}.{study.profile}", study_file(self._runs, study)
        known = study in self.studies()
        with explain_errors(str(self._runs)):
            if not (known and beside.exists()):
                atomic_write(beside, text.encode())
        if not known:
            self._tracker.tag_study(study.name, pack_edition(prefix, text, EXPERIMENT_TAG_LIMIT), f"{prefix}.")
        self._known[study.name, study.profile] = study
        self.show_study(study)

    def show_study(self, study: Study) -> None:
        """Set the description and the view of a study in MLflow's pages.

        A description that a user wrote is kept.
        """
        found = self._reader.study_tags("mlflow.").get(study.name, {})
        said = found.get(NOTE, "")
        own = bool(said) and WRITTEN_LINE not in said
        readable = [each for each in self._studies(study.name).values() if isinstance(each, Study)]
        named = self._reader.run_tags(study.name, CELL_NAME)
        by_name = all(CELL_NAME in named.get(row.uuid, ()) for row in self._reader.runs(study.name))
        wanted = KIND | build_view(study, by_name) | ({} if own else {NOTE: describe_study(readable or [study])})
        if changed := {name: text for name, text in wanted.items() if found.get(name) != text}:
            self._tracker.tag_study(study.name, changed)

    def pages(self, address: str = "") -> Mapping[str, tuple[str, ...]]:
        """Return the addresses of each study in MLflow's pages.

        Args:
            address: Address of the pages; by default the server's, or else that of ``make ui``.

        Returns:
            "name profile" -> the table of its runs and its charts. Runs without a prepared view, such as those outside
                a grid, have only the table.

        """
        views, studies, pages = self._reader.study_tags(f"{VIEW}."), self.studies(), address or self._address
        found: dict[str, tuple[str, ...]] = {}
        for name, number in self._reader.experiments().items():
            prepared = [
                each for each in studies if each.name == name and build_view(each).keys() & views.get(name, {}).keys()
            ]
            for each in prepared:
                shown = study_page(pages, number, each), study_page(pages, number, each, charts=True)
                found[f"{name} {each.profile}"] = shown
            if not prepared:
                found[name] = (study_page(pages, number),)
        return found

    @property
    def uri(self) -> str:
        """Address by which MLflow opens the store. It may hold a password, so no message shows it."""
        return self._tracker.uri

    @property
    def is_server(self) -> bool:
        """True if the store is a tracking server, which serves its own pages."""
        return self.uri.startswith(SERVERS)

    @property
    def _address(self) -> str:
        """Address of MLflow's pages for this store."""
        return self.place if self.is_server else LOCAL_PAGES

    def begin(self, head: RunHead, started: float | None = None, token: str = "") -> Handle:
        """Create a run with status RUNNING in MLflow.

        Args:
            head: Description of the run.
            started: Start time in seconds since 1970; by default now.
            token: Unique name of this attempt, by which ``find`` finds the run.

        Returns:
            The run's handle.

        """
        study = self._study_of(head)
        about = {**build_tags(head), CELL_NAME: cell_name(head, study), DRIVER: name_process()}
        about |= {ATTEMPT: token} if token else {}
        uuid = self._tracker.start(head.study, run_name(head, study), about, params(head), started or time.time())
        return Handle(uuid, head.study)

    def _study_of(self, head: RunHead) -> Study | None:
        """Return the study of a run if it is known. Each study is read once."""
        of = head.study, head.profile
        if of not in self._known:
            found = self._studies(head.study).get(of)
            self._known[of] = found if isinstance(found, Study) else None
        return self._known[of]

    def find(self, study: str, token: str) -> Handle | None:
        """Return the run that was created with this token, if any.

        A request to create a run may succeed although its answer is lost.
        """
        attempts = self._reader.run_tags(study, ATTEMPT)
        return next((Handle(uuid, study) for uuid, found in attempts.items() if found[ATTEMPT] == token), None)

    def describe(self, handle: Handle, head: RunHead) -> None:
        """Set a run's params again: creating a run may be interrupted before they are set."""
        self._tracker.describe(handle.uuid, params(head))

    def log(self, handle: Handle, step: int, metrics: Mapping[str, float], at: float | None = None) -> None:
        """Add a step to the run's curves.

        Args:
            handle: The run.
            step: Number of the step.
            metrics: Metric name -> value.
            at: Time in seconds since 1970; by default now.

        """
        self.write(handle, [JournalStep(step, at or time.time(), metrics)])

    def write(self, handle: Handle, steps: Sequence[JournalStep]) -> None:
        """Add steps to the run's curves. A point that exists with the same time is not duplicated."""
        self._tracker.write(handle.uuid, _points(steps))

    def finish(
        self,
        handle: Handle,
        record: RunRecord,
        artifacts: Mapping[str, Path | str] | None = None,  # name -> text, or a file of that name
        ended: float | None = None,  # seconds since 1970, by default now
    ) -> None:
        """Publish a record, which replaces failed runs of the same run id.

        If another run of this id is FINISHED already, that one is kept. After an error the method may be called again.

        Args:
            handle: The run.
            record: Its record.
            artifacts: File name -> text, or the path of a file of that name.
            ended: End time in seconds since 1970; by default now.

        """
        rows = self._reader.runs(handle.study, record.run_id)
        own = [row for row in rows if row.uuid == handle.uuid]
        if any(row.status == "FINISHED" for row in rows) and not any(row.status == "FINISHED" for row in own):
            self._discard(own)
            return
        # A fired score is the mean of a curve of the same name, and would add a wrong point to it.
        apart = {name: value for name, value in record.scores.items() if not name.startswith(FIRED_PREFIX)}
        files = {RECORD_FILE: record.to_json(), "config.yaml": _yaml(record.config), **(artifacts or {})}
        self._tracker.attach(handle.uuid, files, list_data_sets(record))
        self._tracker.conclude(handle.uuid, _outcome(record), _points([JournalStep(0, ended or time.time(), apart)]))
        self._tracker.end(handle.uuid, record.status.upper(), ended)
        self._settle(handle.study, record.run_id)

    def drop(self, handle: Handle) -> None:
        """Move a run that is over to MLflow's trash, unless it is there already."""
        self._discard([RunRow(handle.uuid, "", "RUNNING")])

    def _settle(self, study: str, run_id: str) -> None:
        """Keep one of the runs of this id that are over, and discard the others.

        A driver whose run is still in progress discards at its own end. Drivers that finish the same run at the same
        time make the same choice, whatever each of them reads: the best run is never removed.
        """
        over = [row for row in self._reader.runs(study, run_id) if row.status not in _ALIVE]
        self._discard(sorted(over, key=_worth)[:-1])

    def kill_orphaned_runs(self, study: str, claimed: bool = False) -> tuple[str, ...]:
        """Move RUNNING runs without a live driver to MLflow's trash, and return their run ids.

        Runs of other hosts in a shared store are left alone unless ``claimed`` is True. It says that no other driver
        works on this study.
        """
        running = [row for row in self._reader.runs(study) if row.status in _ALIVE]
        drivers = self._reader.run_tags(study, DRIVER)  # read after the runs, so that each has its driver's name
        names = {row.uuid: drivers.get(row.uuid, {}).get(DRIVER, "") for row in running}
        spared = self.shared and not claimed
        left = [
            row
            for row in running
            if not (is_other_process(names[row.uuid]) or (spared and is_on_other_host(names[row.uuid])))
        ]
        return tuple(row.run_id for row in left if self._kill(study, row))

    def _kill(self, study: str, row: RunRow) -> bool:
        """Discard a run that is still in progress; return whether it was.

        Its driver may have ended the run since it was listed.
        """
        still = any(now.uuid == row.uuid and now.status in _ALIVE for now in self._reader.runs(study, row.run_id))
        self._discard([row] if still else [])
        return still

    def claims(self, study: str) -> Mapping[str, str]:
        """Return token -> description of the drivers of a study, as given to ``claim``."""
        found = self._reader.study_tags(f"{CLAIM}.").get(study, {})
        return {name.removeprefix(f"{CLAIM}."): said for name, said in found.items()}

    def claim(self, study: str, token: str, said: str | None) -> None:
        """Record the driver of a study, or remove the entry.

        Args:
            study: Name of the study.
            token: Unique name of the driver.
            said: Description of the driver; None removes the entry.

        """
        self._tracker.tag_study(study, {f"{CLAIM}.{token}": said} if said else {}, f"{CLAIM}.{token}")

    def _discard(self, rows: Iterable[RunRow]) -> None:
        for row in rows:
            try:
                if row.status in _ALIVE:
                    self._tracker.end(row.uuid, "KILLED")
                self._tracker.trash(row.uuid)
            except StoreError as error:
                if not error.refused:  # else another driver was faster
                    raise

    def _studies(self, name: str = "") -> dict[tuple[str, str], Study | str]:
        """Return (name, profile) -> the study, or the reason why it cannot be read.

        Only studies of ``name`` are returned where it is given.
        """
        texts = {
            (study, tag.removeprefix(f"{STUDY}.")): unpack_edition(tag, chunks)
            for study, chunks in self._reader.study_tags(f"{STUDY}.").items()
            if name in ("", study)
            for tag in {chunk.rpartition(".")[0] for chunk in chunks}
        }
        return {of: self._study(*of, texts[of]) for of in sorted(texts)}

    def _study(self, name: str, profile: str, text: str) -> Study | str:
        try:
            return self._read(Study, text)
        except StoreError as error:
            return f"{name}, profile {profile}: {error}"

    def _read(self, kind: type[T], text: str) -> T:
        try:
            return read_json(kind, text)
        except (json.JSONDecodeError, SchemaError) as error:
            fault = str(error).splitlines()[0]
            raise StoreError(
                f"{self.place} holds a {kind.__name__} that cannot be read ({fault}); start the sweep again"
            ) from error


def _points(steps: Sequence[JournalStep]) -> list[Point]:
    return [
        (escape_name(name), float(value), int(step.at * 1000), step.step)
        for step in steps
        for name, value in step.metrics.items()
    ]


def _worth(row: RunRow) -> tuple[bool, bool, int, str]:
    return row.status == "FINISHED", row.status == "FAILED", row.ended, row.uuid


def _outcome(record: RunRecord) -> dict[str, str]:
    error = {"error": record.error[:RUN_TAG_LIMIT]} if record.error else {}
    idle = {"never_fired": ", ".join(record.never_fired)[:RUN_TAG_LIMIT]} if record.never_fired else {}
    data = {escape_name(name): sha256 for name, sha256 in record.provenance.items() if name.startswith(DATA_PREFIX)}
    return {**error, **idle, **data, **pack_tags(RECORD, encode_record(record), RUN_TAG_LIMIT)}


def _yaml(config: Mapping[str, Any]) -> str:
    return yaml.safe_dump(json.loads(json.dumps(config, default=str)), sort_keys=False)


def main(arguments: list[str]) -> int:
    """Run ``publish RUNS``: add what MLflow lacks.

    The exit code is 1 where a file cannot be read and 2 for a wrong call.
    """
    if len(arguments) != 2 or arguments[0] != "publish":
        print(f"usage: {REPAIR_COMMAND}", file=sys.stderr)
        return 2
    runs = Path(arguments[1])
    try:
        done = publish_missing(Store.open(runs.parent), runs)
    except StoreError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"published {len(done.added)} runs; {done.known} were there already")
    print(*done.faults, sep="\n", end="\n" if done.faults else "", file=sys.stderr)
    return 1 if done.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
