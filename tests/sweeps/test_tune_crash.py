"""One tuning on Ray that is interrupted and killed in mid-trial, and what is left of it, which ends in this process."""

import signal
import sqlite3
from dataclasses import dataclass, field

import psutil
import pytest

from sweeps.grid.tuned import read_tuned_file
from tests.sweeps.drivers import command, here, title, until
from tests.sweeps.grids import TINY, write
from tests.sweeps.tuning import MODELS

pytestmark = pytest.mark.distributed

TRIALS = 4
LONG = MODELS.replace(TINY, TINY.replace("steps=2", "steps=20, rollout.max_response_length=16"))


@dataclass
class Story:
    codes: dict[str, int] = field(default_factory=dict)  # exit codes
    said: dict[str, str] = field(default_factory=dict)
    ended: dict[str, dict[int, tuple[float, str]]] = field(default_factory=dict)  # after each chapter, by trial
    at_once: int = 0
    orphans: list[psutil.Process] = field(default_factory=list)
    file: object = None


def workers(tuning):
    """Processes that are at a trial; Ray names them by it."""
    found = psutil.Process(tuning.pid).children(recursive=True)
    return [process for process in found if title(process).startswith("ray::lr=")]


def query(database, text):
    """Rows of the tuning's database; none while its tables are still to be made."""
    if not database.exists():
        return []
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)
    try:
        made = connection.execute("select 1 from sqlite_master where name = 'alembic_version'").fetchall()
        return connection.execute(text).fetchall() if made else []
    finally:
        connection.close()


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crash")
    results, told = folder / "results", Story()
    database = results / "tuned" / "plain.lr.db"
    searched = [f"grid={write(folder, LONG)}", "knob=lr", f"trials={TRIALS}", "at=model=base"]
    asked = ["tune", *searched, f"results={results}"]

    def end(name, process):
        told.codes[name], told.said[name], told.ended[name] = process.wait(), (folder / name).read_text(), ended()

    def do(name):
        told.codes[name], told.said[name] = here(*asked, LAUNCH="inline")
        told.ended[name] = ended()

    def ended():
        rows = query(
            database,
            "select trials.trial_id, param_value, state from trials join trial_params as params "
            "on trials.trial_id = params.trial_id where state in ('COMPLETE', 'PRUNED')",
        )
        return {number: (value, state) for number, value, state in rows}

    def reported():
        text = "select distinct trial_id from trial_intermediate_values join trials using (trial_id)"
        return len(query(database, f"{text} where state = 'RUNNING'"))

    def side_by_side():
        """The processes of two trials, both of which have reported and have not ended."""
        found = workers(tuning)
        return found if reported() == 2 and len(found) == 2 and found == workers(tuning) else []

    with command(asked, folder / "interrupted") as tuning:
        told.at_once = len(until(side_by_side, tuning))
        until(ended, tuning)
        tuning.send_signal(signal.SIGINT)
        end("interrupted", tuning)

    with command(asked, folder / "killed") as tuning:
        left = until(lambda: reported() and workers(tuning), tuning)
        tuning.kill()
        end("killed", tuning)
    _, told.orphans = psutil.wait_procs(left, timeout=60)

    do("resumed")
    do("again")
    told.file = read_tuned_file(results / "tuned" / "plain.lr.yaml")
    return told


def test_two_trials_run_at_once(story):
    assert story.at_once == 2


def test_ctrl_c_ends_in_good_order_keeps_what_ended_and_says_how_to_resume(story):
    said = story.said["interrupted"]
    assert story.codes["interrupted"] == 130
    assert f"interrupted: {len(story.ended['interrupted'])} finished trials are kept" in said
    assert "resume with: liteppo tune " in said
    assert "Traceback" not in said
    assert story.ended["interrupted"]


def test_workers_do_not_outlive_a_killed_driver(story):
    assert story.codes["killed"] == -signal.SIGKILL
    assert story.orphans == []


def test_no_trial_that_ended_is_repeated(story):
    last = story.ended["resumed"]
    assert story.ended["interrupted"].items() <= story.ended["killed"].items() <= last.items()
    assert len({value for value, _ in last.values()}) == len(last)


def test_all_trials_end_in_the_end(story):
    assert story.codes["resumed"] == 0
    assert len(story.ended["resumed"]) == TRIALS
    assert [trial.state for trial in story.file.models["base"].trials].count("failed") == 0
    assert len(story.file.models["base"].trials) == TRIALS


def test_a_finished_tuning_starts_nothing(story):
    assert story.codes["again"] == 0
    assert "nothing to run: every trial has ended" in story.said["again"]
    assert story.ended["again"] == story.ended["resumed"]
