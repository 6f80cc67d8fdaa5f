"""Runs and studies in MLflow, the one place that remembers. The sweep's driver is the only writer.

``python -m harness.tracking.store publish results/runs`` brings in what a crash has left out.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import yaml

from harness.common.files import write
from harness.common.results import is_reference
from harness.common.schema import SchemaError, read_json
from harness.records.record import DATA, FIRED, RunRecord, Study
from harness.tracking.client import Handle, Tracker
from harness.tracking.display import (
    CELL_NAME,
    KIND,
    NOTE,
    VIEW,
    WRITTEN,
    cell_name,
    describe_study,
    run_name,
    study_page,
    view,
)
from harness.tracking.errors import REPAIR, StoreError, explained, redacted
from harness.tracking.inputs import data_sets
from harness.tracking.journal import JournalStep, driver, elsewhere, other
from harness.tracking.publish import publish, study_file
from harness.tracking.queries import DATABASES, SERVERS, RunRow, SqlReader, refuse_unencoded, without_credentials
from harness.tracking.server import ServerReader
from harness.tracking.tags import (
    ATTEMPT,
    CLAIM,
    DRIVER,
    EXPERIMENT_TAG_LIMIT,
    RECORD,
    RUN_TAG_LIMIT,
    STUDY,
    compact,
    key,
    pack,
    pack_edition,
    params,
    tags,
    unpack,
    unpack_edition,
)
from harness.tracking.uploader import RECORD_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.records.record import RunHead
    from harness.tracking.client import Point
    from harness.tracking.queries import Curve, StoreReader

T = TypeVar("T")

_ALIVE: Final = ("RUNNING", "SCHEDULED")
LOCAL_PAGES: Final = "http://127.0.0.1:5000"  # of `make ui`


class Store:
    """What has been planned and run. Methods raise StoreError where the store cannot be read or written."""

    def __init__(self, reader: StoreReader, tracker: Tracker, runs: Path) -> None:
        self.place = tracker.place  # the file or the address
        self.shared = bool(os.environ.get("MLFLOW_TRACKING_URI"))  # drivers on other hosts may write there too
        self._reader = reader
        self._tracker = tracker
        self._runs = runs
        self._known: dict[tuple[str, str], Study | None] = {}  # name and profile -> as it names its runs

    @classmethod
    def open(cls, results: Path) -> Self:
        """The store of MLFLOW_TRACKING_URI, else ``results/mlflow.db``. Creates nothing before the first write."""
        if is_reference(results):
            raise StoreError(f"{results} holds the reference results, not a store; name another folder")
        uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{results / 'mlflow.db'}"
        artifacts, runs = results / "mlartifacts", results / "runs"
        if uri.startswith(SERVERS):
            uri = without_credentials(uri)
            tracker = Tracker(uri, redacted(uri), None, artifacts)
            return cls(ServerReader(tracker), tracker, runs)
        refuse_unencoded(uri)
        if not uri.startswith(DATABASES):
            raise StoreError(
                f"MLFLOW_TRACKING_URI={redacted(uri)} is no database and no server; use sqlite:///FILE or http://HOST"
            )
        reader = SqlReader(uri)
        return cls(reader, Tracker(uri, reader.place, reader.file, artifacts), runs)

    def statuses(self, study: str) -> Mapping[str, str]:
        """Run id -> "RUNNING", "FAILED", "KILLED" or "FINISHED"; runs in MLflow's trash do not count."""
        rows = sorted(self._reader.runs(study), key=lambda row: row.status == "FINISHED")  # which wins
        return {row.run_id: row.status for row in rows}

    def finished(self, study: str) -> frozenset[str]:
        """The run ids that need not run again."""
        return frozenset(run_id for run_id, status in self.statuses(study).items() if status == "FINISHED")

    def records(self, study: str) -> list[RunRecord]:
        """The records of a study, of finished and of failed runs, ordered by run id."""
        texts = (unpack(RECORD, chunks) for chunks in self._reader.run_tags(study, f"{RECORD}.").values())
        return sorted((self._read(RunRecord, text) for text in texts), key=lambda record: record.run_id)

    def studies(self) -> tuple[Study, ...]:
        """What has been planned, ordered by name and profile. Without those of ``unreadable``."""
        return tuple(study for study in self._studies().values() if isinstance(study, Study))

    def unreadable(self) -> Mapping[tuple[str, str], str]:
        """Name and profile of each study that cannot be read, and why. ``save_study`` mends it."""
        return {of: fault for of, fault in self._studies().items() if isinstance(fault, str)}

    def history(self, study: str, metric: str) -> Mapping[str, Curve]:
        """The curves of a metric: run id -> ((step, value), ...)."""
        return self._reader.curves(study, key(metric))

    def links(self, study: str) -> Mapping[str, str]:
        """Run id -> where MLflow's pages show the run: those of the server, else those of ``make ui``."""
        rows = sorted(self._reader.runs(study), key=lambda row: row.status == "FINISHED")  # which wins
        number = self._reader.experiments().get(study, "")
        return {row.run_id: f"{study_page(self._address, number)}/{row.uuid}" for row in rows}

    def save_study(self, study: Study) -> None:
        """Keep what tables must know of a grid; beside the runs too, so that ``publish`` can bring it back."""
        text, prefix, beside = study.to_json(), f"{STUDY}.{study.profile}", study_file(self._runs, study)
        known = study in self.studies()
        with explained(str(self._runs)):
            if not (known and beside.exists()):
                write(beside, text.encode())
        if not known:
            self._tracker.tag_study(study.name, pack_edition(prefix, text, EXPERIMENT_TAG_LIMIT), f"{prefix}.")
        self._known[study.name, study.profile] = study
        self.show_study(study)

    def show_study(self, study: Study) -> None:
        """Give MLflow's pages the description and the view of a study. A description in one's own words stays."""
        found = self._reader.study_tags("mlflow.").get(study.name, {})
        said = found.get(NOTE, "")
        own = bool(said) and WRITTEN not in said
        readable = [each for each in self._studies(study.name).values() if isinstance(each, Study)]
        named = self._reader.run_tags(study.name, CELL_NAME)
        by_name = all(CELL_NAME in named.get(row.uuid, ()) for row in self._reader.runs(study.name))
        wanted = KIND | view(study, by_name) | ({} if own else {NOTE: describe_study(readable or [study])})
        if changed := {name: text for name, text in wanted.items() if found.get(name) != text}:
            self._tracker.tag_study(study.name, changed)

    def pages(self, address: str = "") -> Mapping[str, tuple[str, ...]]:
        """Return where MLflow's pages show each study.

        Args:
            address: That of the pages; by default the server's, else that of ``make ui``.

        Returns:
            "name profile" -> the table of its runs and its charts, as its view has them; the table alone of what has
            no view, such as the runs outside a grid.

        """
        views, studies, pages = self._reader.study_tags(f"{VIEW}."), self.studies(), address or self._address
        found: dict[str, tuple[str, ...]] = {}
        for name, number in self._reader.experiments().items():
            prepared = [
                each for each in studies if each.name == name and view(each).keys() & views.get(name, {}).keys()
            ]
            for each in prepared:
                shown = study_page(pages, number, each), study_page(pages, number, each, charts=True)
                found[f"{name} {each.profile}"] = shown
            if not prepared:
                found[name] = (study_page(pages, number),)
        return found

    @property
    def uri(self) -> str:
        """The address by which MLflow opens the store; it may hold a password, so that no message shows it."""
        return self._tracker.uri

    @property
    def is_server(self) -> bool:
        """Whether the store is a tracking server, which has pages of its own."""
        return self.uri.startswith(SERVERS)

    @property
    def _address(self) -> str:
        """The address of MLflow's pages for this store."""
        return self.place if self.is_server else LOCAL_PAGES

    def begin(self, head: RunHead, started: float | None = None, token: str = "") -> Handle:
        """Show a run in MLflow as RUNNING. ``started``: seconds since 1970, by default now; ``token``: see ``find``."""
        study = self._study_of(head)
        about = {**tags(head), CELL_NAME: cell_name(head, study), DRIVER: driver()}
        about |= {ATTEMPT: token} if token else {}
        uuid = self._tracker.start(head.study, run_name(head, study), about, params(head), started or time.time())
        return Handle(uuid, head.study)

    def _study_of(self, head: RunHead) -> Study | None:
        """Return the study of a run, if it is known; it is read once."""
        of = head.study, head.profile
        if of not in self._known:
            found = self._studies(head.study).get(of)
            self._known[of] = found if isinstance(found, Study) else None
        return self._known[of]

    def find(self, study: str, token: str) -> Handle | None:
        """The run that was begun with this token: a begin may arrive, and its answer be lost."""
        attempts = self._reader.run_tags(study, ATTEMPT)
        return next((Handle(uuid, study) for uuid, found in attempts.items() if found[ATTEMPT] == token), None)

    def describe(self, handle: Handle, head: RunHead) -> None:
        """Give a run its settings again: a begin may be cut short between the run and them."""
        self._tracker.describe(handle.uuid, params(head))

    def log(self, handle: Handle, step: int, metrics: Mapping[str, float], at: float | None = None) -> None:
        """Add a step to the run's curves. ``at``: seconds since 1970, by default now."""
        self.write(handle, [JournalStep(step, at or time.time(), metrics)])

    def write(self, handle: Handle, steps: Sequence[JournalStep]) -> None:
        """Add steps to the run's curves. A point that is there already, with its time, is not added again."""
        self._tracker.write(handle.uuid, _points(steps))

    def finish(
        self,
        handle: Handle,
        record: RunRecord,
        artifacts: Mapping[str, Path | str] | None = None,  # name -> text, or a file of that name
        ended: float | None = None,  # seconds since 1970, by default now
    ) -> None:
        """Publish a record. It replaces failed runs of its run id; where one is FINISHED already, that one stays.

        It may be called again where it failed in the middle.
        """
        rows = self._reader.runs(handle.study, record.run_id)
        own = [row for row in rows if row.uuid == handle.uuid]
        if any(row.status == "FINISHED" for row in rows) and not any(row.status == "FINISHED" for row in own):
            self._discard(own)
            return
        # What fired is the mean of a curve of the same name, and would be a stray point on it.
        apart = {name: value for name, value in record.scores.items() if not name.startswith(FIRED)}
        files = {RECORD_FILE: record.to_json(), "config.yaml": _yaml(record.config), **(artifacts or {})}
        self._tracker.attach(handle.uuid, files, data_sets(record))
        self._tracker.conclude(handle.uuid, _outcome(record), _points([JournalStep(0, ended or time.time(), apart)]))
        self._tracker.end(handle.uuid, record.status.upper(), ended)
        self._settle(handle.study, record.run_id)

    def drop(self, handle: Handle) -> None:
        """Move a run that is over to MLflow's trash, unless it is there already."""
        self._discard([RunRow(handle.uuid, "", "RUNNING")])

    def _settle(self, study: str, run_id: str) -> None:
        """Leave one run of its id among those that are over; a driver whose run is not will see them at its own end.

        Drivers that finish the same run at once choose alike, whatever each of them sees: the best is never removed.
        """
        over = [row for row in self._reader.runs(study, run_id) if row.status not in _ALIVE]
        self._discard(sorted(over, key=_worth)[:-1])

    def sweep_up(self, study: str, claimed: bool = False) -> tuple[str, ...]:
        """Move RUNNING runs to MLflow's trash, but for those of another process that lives; their run ids.

        ``claimed``: nobody else drives this study now. Without it, what hosts of a shared store run is left alone.
        """
        running = [row for row in self._reader.runs(study) if row.status in _ALIVE]
        drivers = self._reader.run_tags(study, DRIVER)  # after the runs: each of them has its driver's name by now
        names = {row.uuid: drivers.get(row.uuid, {}).get(DRIVER, "") for row in running}
        spared = self.shared and not claimed
        left = [row for row in running if not (other(names[row.uuid]) or (spared and elsewhere(names[row.uuid])))]
        return tuple(row.run_id for row in left if self._kill(study, row))

    def _kill(self, study: str, row: RunRow) -> bool:
        """Unless it is over by now: its driver may have ended it, and then itself, since it was looked at."""
        still = any(now.uuid == row.uuid and now.status in _ALIVE for now in self._reader.runs(study, row.run_id))
        self._discard([row] if still else [])
        return still

    def claims(self, study: str) -> Mapping[str, str]:
        """Who drives a study, by token, as ``claim`` was told."""
        found = self._reader.study_tags(f"{CLAIM}.").get(study, {})
        return {name.removeprefix(f"{CLAIM}."): said for name, said in found.items()}

    def claim(self, study: str, token: str, said: str | None) -> None:
        """Say who drives a study; None takes it back."""
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
        """Name and profile -> the study, or why it cannot be read; of one name where it is given."""
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
        (key(name), float(value), int(step.at * 1000), step.step)
        for step in steps
        for name, value in step.metrics.items()
    ]


def _worth(row: RunRow) -> tuple[bool, bool, int, str]:
    return row.status == "FINISHED", row.status == "FAILED", row.ended, row.uuid


def _outcome(record: RunRecord) -> dict[str, str]:
    error = {"error": record.error[:RUN_TAG_LIMIT]} if record.error else {}
    idle = {"never_fired": ", ".join(record.never_fired)[:RUN_TAG_LIMIT]} if record.never_fired else {}
    data = {key(name): sha256 for name, sha256 in record.provenance.items() if name.startswith(DATA)}
    return {**error, **idle, **data, **pack(RECORD, compact(record), RUN_TAG_LIMIT)}


def _yaml(config: Mapping[str, Any]) -> str:
    return yaml.safe_dump(json.loads(json.dumps(config, default=str)), sort_keys=False)


def main(arguments: list[str]) -> int:
    """``publish RUNS``: bring in what MLflow lacks. Exit code 1 where a file could not be read, 2 for a wrong call."""
    if len(arguments) != 2 or arguments[0] != "publish":
        print(f"usage: {REPAIR}", file=sys.stderr)
        return 2
    runs = Path(arguments[1])
    try:
        done = publish(Store.open(runs.parent), runs)
    except StoreError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"published {len(done.added)} runs; {done.known} were there already")
    print(*done.faults, sep="\n", end="\n" if done.faults else "", file=sys.stderr)
    return 1 if done.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
