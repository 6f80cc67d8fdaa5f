import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from harness.tracking.client import Handle
from harness.tracking.display import run_name
from harness.tracking.errors import StoreError
from harness.tracking.journal import RunJournal
from harness.tracking.tags import ATTEMPT, build_tags
from harness.tracking.uploader import UploadState, upload
from tests.harness.store_samples import RECORD, saved_journal


@pytest.fixture
def sheet(results, store):
    written = saved_journal(results / "outbox")
    for step in (0, 1, 2):
        written.add(step, {"reward/mean": step / 8})
    return written


def points(store):
    """How often each step of the curve is in the database."""
    with closing(sqlite3.connect(store.place)) as database:
        return database.execute("SELECT step, count(*) FROM metrics WHERE key = 'reward/mean' GROUP BY step").fetchall()


def runs(store):
    with closing(sqlite3.connect(store.place)) as database:
        return database.execute("SELECT status, lifecycle_stage FROM runs ORDER BY start_time, end_time").fetchall()


def params(store, handle):
    with closing(sqlite3.connect(store.place)) as database:
        return dict(database.execute("SELECT key, value FROM params WHERE run_uuid = ?", (handle.uuid,)).fetchall())


def test_what_has_arrived_is_not_sent_again(store, sheet, results):
    delivery = UploadState(sheet)
    upload(store, delivery, results / "runs")
    sheet.add(3, {"reward/mean": 0.5})
    sheet.end(RECORD)
    upload(store, delivery, results / "runs")
    assert delivery.done
    assert store.records("norms") == [RECORD]
    assert points(store) == [(0, 1), (1, 1), (2, 1), (3, 1)]
    assert not sheet.file.exists()


def test_a_driver_that_died_after_sending_is_taken_up_in_the_same_run(store, sheet, results):
    upload(store, UploadState(sheet), results / "runs")
    sheet.end(RECORD)
    upload(store, UploadState(RunJournal.read(sheet.file), begun=True), results / "runs")
    assert runs(store) == [("FINISHED", "active")]
    assert points(store) == [(0, 1), (1, 1), (2, 1)]


def test_a_begin_whose_answer_was_lost_is_found_again(store, sheet, results):
    delivery = UploadState(sheet, begun=True)  # it was tried
    store.begin(RECORD.head, token=sheet.opening.token)  # it arrived, and nobody heard
    upload(store, delivery, results / "runs")
    assert runs(store) == [("RUNNING", "active")]


def test_a_begin_that_was_cut_short_gets_its_settings_on_the_next_try(store, sheet, results):
    about = {**build_tags(RECORD.head), ATTEMPT: sheet.opening.token}
    handle = Handle(store._tracker.start("norms", run_name(RECORD.head), about, {}, sheet.opening.at), "norms")
    assert params(store, handle) == {}  # the server has failed right after the run was there
    upload(store, UploadState(sheet, begun=True), results / "runs")
    found = params(store, handle)
    assert (found["train.lr"], found["rule.advantages"]) == ("0.0005", "Normalize(mean='group', std='group')")
    sheet.end(RECORD)
    upload(
        store, UploadState(RunJournal.read(sheet.file), begun=True), results / "runs"
    )  # of a driver that died; all again
    assert params(store, handle) == found
    assert runs(store) == [("FINISHED", "active")]


def test_an_end_that_was_cut_short_is_finished_without_a_second_point(store, sheet, results):
    sheet.end(RECORD)
    handle = store.begin(RECORD.head, token=sheet.opening.token)
    store.write(handle, sheet.steps)
    store.finish(handle, RECORD, ended=sheet.ending.at)  # and the driver died before it knew
    upload(store, UploadState(sheet, begun=True), results / "runs")
    assert runs(store) == [("FINISHED", "active")]
    with closing(sqlite3.connect(store.place)) as database:
        scores = database.execute("SELECT count(*) FROM metrics WHERE key = 'final/accuracy'").fetchone()
    assert scores == (1,)


def test_a_run_that_somebody_has_removed_is_made_anew(store, sheet, results):
    delivery = UploadState(sheet)
    upload(store, delivery, results / "runs")
    store.drop(delivery.handle)
    sheet.end(RECORD)
    with pytest.raises(StoreError) as caught:
        upload(store, delivery, results / "runs")
    assert caught.value.refused
    upload(store, delivery, results / "runs")
    assert store.history("norms", "reward/mean") == {"c1-s0": ((0, 0.0), (1, 0.125), (2, 0.25))}
    assert store.records("norms") == [RECORD]


def test_an_attempt_takes_the_place_of_the_one_before(store, sheet, results):
    first = UploadState(sheet)
    upload(store, first, results / "runs")
    again = saved_journal(results / "outbox")
    upload(store, UploadState(again, replaces=first), results / "runs")
    assert sorted(runs(store)) == [("KILLED", "deleted"), ("RUNNING", "active")]


def test_the_files_of_a_run_go_with_its_record_and_weights_stay(store, sheet, results):
    folder = results / "runs" / "norms.c1-s0"
    (folder / "exported").mkdir(parents=True)
    for name in ("outcomes.parquet", "record.json", "metrics.jsonl", "traceback.txt", "exported/model.safetensors"):
        (folder / name).write_text("x")
    sheet.end(RECORD)
    upload(store, UploadState(sheet), results / "runs")
    assert {path.name for path in results.rglob("artifacts/*")} == {"outcomes.parquet", "record.json", "config.yaml"}


def test_a_failed_run_waits_and_arrives_like_another(store, sheet, results):
    failed = replace(RECORD, status="failed", error="ValueError: no", scores={})
    sheet.end(failed)
    upload(store, UploadState(sheet), results / "runs")
    assert store.records("norms") == [failed]
    assert runs(store) == [("FAILED", "active")]


def test_a_sheet_that_a_new_attempt_has_put_there_meanwhile_stays(store, sheet, results):
    sheet.end(RECORD)
    left = UploadState(RunJournal.read(sheet.file), begun=True)  # of a driver that died
    again = saved_journal(results / "outbox")
    upload(store, left, results / "runs")
    again.add(0, {"reward/mean": 0.5})
    assert left.done
    assert RunJournal.read(again.file).steps == again.steps
