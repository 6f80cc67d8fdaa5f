"""What a driver brings into MLflow when it begins, while another may be at work in the same results folder."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from harness.tracking.journal import find_journals
from harness.tracking.publish import publish_missing
from tests.harness.store_samples import RECORD, saved_journal

DRIVE = """
import pathlib, sys
from harness.records.record import RunRecord
from harness.tracking.journal import RunJournal
record = RunRecord.from_json(sys.argv[2])
journal = RunJournal.draft(pathlib.Path(sys.argv[1]), record.head, "norms.c1-s0")
journal.save()
journal.end(record)
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def record_file(results):
    """Where a worker has left the record of a run."""
    file = results / "runs" / "norms.c1-s0" / "record.json"
    file.parent.mkdir(parents=True)
    file.write_text(RECORD.to_json())
    return file


def test_a_finished_run_of_another_driver_is_its_own_to_bring_until_it_is_dead(store, results, record_file):
    command = [sys.executable, "-c", DRIVE, str(results / "outbox"), RECORD.to_json()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as driving:
        driving.stdout.readline()
        found = publish_missing(store, results / "runs")
        driving.kill()
    assert (found.added, found.known, found.faults) == ((), 0, ())
    assert store.statuses("norms") == {}
    assert publish_missing(store, results / "runs").added == ("c1-s0",)
    assert store.records("norms") == [RECORD]


def test_a_record_is_added_once_whether_it_finished_or_failed(store, results, record_file):
    failed = replace(RECORD, run_id="c1-s1", seed=1, status="failed", scores={}, error="ValueError: no")
    other = record_file.parent.with_name("norms.c1-s1") / "record.json"
    other.parent.mkdir()
    other.write_text(failed.to_json())
    assert set(publish_missing(store, results / "runs").added) == {"c1-s0", "c1-s1"}
    again = publish_missing(store, results / "runs")
    assert (again.added, again.known) == ((), 2)


@pytest.mark.parametrize(
    "line", [json.dumps({"step": 1, "reward/" + "x" * 300: 0.5}), '{"step": 1, "rew'], ids=["refused", "cut off"]
)
def test_a_record_that_cannot_be_added_is_reported_and_the_others_are_added(store, results, record_file, line):
    (record_file.parent / "metrics.jsonl").write_text(f"{line}\n")
    other = record_file.parent.with_name("norms.c1-s1") / "record.json"
    other.parent.mkdir()
    other.write_text(replace(RECORD, run_id="c1-s1", seed=1).to_json())
    found = publish_missing(store, results / "runs")
    assert (found.added, found.known) == (("c1-s1",), 0)
    assert [fault.partition(": ")[0] for fault in found.faults] == [str(record_file)]
    assert store.statuses("norms") == {"c1-s1": "FINISHED"}


def test_a_sheet_that_its_driver_takes_away_meanwhile_is_no_fault(store, results):
    left = saved_journal(results / "outbox").file
    gone = left.with_name("norms.c1-s1.jsonl")
    gone.symlink_to("nowhere")  # listed, and not there when it is read
    assert find_journals(results / "outbox") == [left]
    assert publish_missing(store, results / "runs").faults == ()
