import json
import os
from dataclasses import replace

import pytest

from harness.common.schema import SchemaError
from harness.tracking.journal import RunJournal, find_journals
from tests.harness.models.full_disk import no_file_above
from tests.harness.store_samples import RECORD, saved_journal


def sheet(outbox):
    return saved_journal(outbox)


def test_a_sheet_reads_as_it_was_written(tmp_path):
    written = sheet(tmp_path)
    written.add(0, {"eval/accuracy": 0.25})
    written.add(1, {"reward/mean": 0.5})
    assert RunJournal.read(written.file).ending is None
    written.end(RECORD)
    read = RunJournal.read(written.file)
    assert (read.opening, read.steps, read.ending) == (written.opening, written.steps, written.ending)
    assert find_journals(tmp_path) == [written.file]


def test_a_line_that_was_cut_off_does_not_count(tmp_path):
    written = sheet(tmp_path)
    for step in (0, 1):
        written.add(step, {"reward/mean": 0.5})
    whole = written.file.read_text()
    written.file.write_text(whole[:-9])
    assert [step.step for step in RunJournal.read(written.file).steps] == [0]


def test_an_attempt_that_goes_on_keeps_the_times_of_the_steps_it_repeats_and_no_others(tmp_path):
    first = sheet(tmp_path)
    first.add(0, {"reward/mean": 0.25})
    first.add(1, {"reward/mean": 0.5, "seconds/step": 2.0})
    second = sheet(tmp_path)
    second.add(0, {"reward/mean": 0.25})
    second.add(1, {"reward/mean": 0.5, "seconds/step": 3.0})
    assert second.steps[0] == first.steps[0]
    assert second.steps[1].at > first.steps[1].at
    assert second.opening.token != first.opening.token
    assert RunJournal.read(second.file).steps == second.steps


def test_the_steps_of_a_sheet_are_the_curves_of_a_run_folder(tmp_path):
    written = sheet(tmp_path)
    written.add(1, {"reward/mean": 0.5})
    assert [json.loads(line) for line in written.curves().splitlines()] == [{"step": 1, "reward/mean": 0.5}]


@pytest.mark.parametrize("text", ["", "{half", '{"step": 1}\n', "[]\n"])
def test_what_is_no_sheet_is_refused(tmp_path, text):
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises((SchemaError, json.JSONDecodeError)):
        RunJournal.read(tmp_path / "a.jsonl")


def test_a_new_attempt_begins_where_the_last_sheet_cannot_be_read(tmp_path):
    place = sheet(tmp_path).file
    place.write_text("{half")
    assert sheet(tmp_path).steps == []
    assert RunJournal.read(place).opening.head == replace(RECORD.head)


def test_what_a_full_disk_did_not_take_is_written_with_the_next_word(tmp_path):
    written = sheet(tmp_path)
    with no_file_above(written.file.stat().st_size + 20), pytest.raises(OSError, match="File too large"):
        written.add(0, {"reward/mean": 0.5})
    assert written.file.read_text()[-1] != "\n"  # a torn line
    assert not written.whole
    written.add(1, {"reward/mean": 0.25})
    assert written.whole
    assert RunJournal.read(written.file).steps == written.steps
    assert [step.step for step in written.steps] == [0, 1]


def test_an_end_that_a_full_disk_did_not_take_is_kept_in_memory_until_it_is_saved(tmp_path):
    written = sheet(tmp_path)
    with no_file_above(written.file.stat().st_size), pytest.raises(OSError, match="File too large"):
        written.end(RECORD)
    assert written.ending.record == RECORD
    assert RunJournal.read(written.file).ending is None
    written.save()
    assert RunJournal.read(written.file).ending == written.ending


def test_the_disk_holds_a_sheet_when_it_begins_and_when_it_ends(tmp_path, monkeypatch):
    flushed = []
    fsync = os.fsync

    def seen(handle):
        name = os.readlink(f"/proc/self/fd/{handle}")
        fsync(handle)
        flushed.append((name, written.file.read_bytes() if written else b""))

    written = None
    monkeypatch.setattr(os, "fsync", seen)
    written = sheet(tmp_path)
    assert str(tmp_path) in [name for name, _ in flushed]
    flushed.clear()
    written.add(0, {"reward/mean": 0.5})
    assert flushed == []  # not at every step
    written.end(RECORD)
    assert flushed == [(str(written.file), written.file.read_bytes())]
