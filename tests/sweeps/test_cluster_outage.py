"""Sweeps whose tracking server is killed in the middle, and one whose driver is killed with it.

The fixture is the story, the tests its facts. The server's address holds a password.
"""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from tests.harness.servers import serving
from tests.sweeps.drivers import clean, here, sweep, until
from tests.sweeps.grids import PLAIN, TINY, write

pytestmark = pytest.mark.distributed

RUNS = 4
STEPS = 30
SHORT = f"steps={STEPS}, rollout.max_response_length=16, optim.updates_per_rollout=1, checkpoint.every=0"
GRID = PLAIN.replace("seeds: [0, 1]", "seeds: [0]")
GRIDS = {  # that differ, so that neither adopts the other's runs
    study: GRID + TINY.replace("steps=2", f"{SHORT}, optim.lr={lr}") for study, lr in (("plain", 1e-3), ("other", 2e-3))
}
PASSWORD = "s3cret%40word"


@dataclass
class Story:
    folder: object = None
    codes: dict = field(default_factory=dict)
    said: dict = field(default_factory=dict)
    rows: dict = field(default_factory=dict)  # study -> [(run id, status, [(step, value, time)])]
    kept: dict = field(default_factory=dict)  # records of the killed driver -> how their times have changed
    lacking: set = field(default_factory=set)  # run ids of those that the server had not heard the last of


@pytest.fixture(scope="module")
def story(tmp_path_factory, blank_database):
    folder = tmp_path_factory.mktemp("outage")
    told = Story(folder)

    def asked(study):
        return [f"grid={write(folder, GRIDS[study], study)}", f"results={folder / 'results'}"]

    def address():
        return server.address.replace("://", f"://alice:{PASSWORD}@")

    def begin(name, study, **environment):
        return sweep(asked(study), folder / f"{name}.txt", MLFLOW_TRACKING_URI=address(), **environment)

    def do(name, study):
        told.codes[name], told.said[name] = here("run", *asked(study), MLFLOW_TRACKING_URI=address(), LAUNCH="inline")

    def records(study):
        return sorted((folder / "results" / "runs").glob(f"{study}.*/record.json"))

    def waiting():
        """Runs whose driver has heard the last of them, and the server may not have."""
        sheets = (folder / "results" / "outbox").glob("*.jsonl")
        return {run_id(path.stem) for path in sheets if '"record"' in path.read_text()}

    def sent(study):
        """Runs that ended before the server did."""
        return [found for found, status, _ in rows(server.database, study) if status == "FINISHED"]

    with serving(folder, blank_database) as server:
        with begin("outage", "plain") as process:
            until(lambda: any(curve for _, _, curve in rows(server.database, "plain")), process)
            server.kill()
            until(lambda: len(waiting() | set(sent("plain"))) >= RUNS - 1, process)
            server.start()
            told.codes["outage"] = process.wait()
        told.said["outage"] = (folder / "outage.txt").read_text()
        do("again", "plain")
        told.rows["plain"] = rows(server.database, "plain")
        with begin("killed", "other", LAUNCH="inline") as process:
            until(lambda: any(curve for _, _, curve in rows(server.database, "other")), process)
            server.kill()
            until(waiting, process)
            process.kill()
            process.wait()
        told.kept = {path: path.stat().st_mtime_ns for path in records("other")}
        told.lacking = {run_id(path.parent.name) for path in told.kept} - (set(sent("other")) - waiting())
        do("away", "other")
        server.start()
        do("resumed", "other")
        told.rows["other"] = rows(server.database, "other")
        told.kept = {path: path.stat().st_mtime_ns - before for path, before in told.kept.items()}
    return told


def rows(database, study):
    """The runs of a study in MLflow's tables, and a curve of each in the order of its times."""
    with closing(sqlite3.connect(database)) as connection:
        runs = connection.execute(
            "SELECT run_uuid, cell.value || '-s' || seed.value, status FROM runs "
            "JOIN experiments USING (experiment_id) JOIN tags AS cell USING (run_uuid) "
            "JOIN tags AS seed USING (run_uuid) WHERE cell.key = 'cell_id' AND seed.key = 'seed' "
            "AND experiments.name = ? AND runs.lifecycle_stage = 'active'",
            (study,),
        ).fetchall()
        query = "SELECT step, value FROM metrics WHERE run_uuid = ? AND key = 'reward/mean' ORDER BY timestamp, step"
        return [(run_id, status, connection.execute(query, (uuid,)).fetchall()) for uuid, run_id, status in runs]


def run_id(folder):
    """Of the name of a run's folder or sheet."""
    return folder.rpartition(".")[2]


def on_disk(folder, study, run_id):
    lines = (folder / "results" / "runs" / f"{study}.{run_id}" / "metrics.jsonl").read_text().splitlines()
    read = map(json.loads, lines)
    return [(line["step"], line["reward/mean"]) for line in read if "reward/mean" in line]


@pytest.mark.parametrize("study", ["plain", "other"])
def test_every_run_is_there_once_with_its_whole_curve_in_order(story, study):
    found = story.rows[study]
    assert len({run_id for run_id, _, _ in found}) == len(found) == RUNS
    assert {status for _, status, _ in found} == {"FINISHED"}
    for run_id, _, curve in found:
        assert curve == on_disk(story.folder, study, run_id)
        assert [step for step, _ in curve] == list(range(1, STEPS + 1))


def test_the_runs_go_on_and_the_sweep_says_truly_whether_all_has_arrived(story):
    said, late = story.said["outage"], "runs are not in MLflow yet" in story.said["outage"]
    assert "does not answer; start the server" in said
    assert f"{RUNS} runs finished, 0 failed" in said
    assert late or "accepts records again; the waiting records are being sent" in said
    assert story.codes["outage"] == late, said  # a busy machine may need more than the sweep's minute


def test_the_same_sweep_again_sends_what_is_left_and_runs_nothing(story):
    assert story.codes["again"] == 0, story.said["again"]
    assert "nothing to run: every planned run is finished" in story.said["again"]


def test_a_sweep_without_its_server_does_not_start(story):
    assert story.codes["away"] == 1
    assert "does not answer; start the server" in story.said["away"]


def test_what_a_dead_driver_left_is_sent_by_the_next_sweep_and_not_run_again(story):
    assert story.codes["resumed"] == 0, story.said["resumed"]
    assert f"published {len(story.lacking)} finished runs that MLflow lacked" in story.said["resumed"]
    assert story.lacking
    assert set(story.kept.values()) == {0}


def test_nothing_waits_in_the_end(story):
    assert list((story.folder / "results" / "outbox").iterdir()) == []


def test_the_password_of_the_server_is_in_no_output_and_no_file(story):
    written = [path.read_bytes() for path in (story.folder / "results").rglob("*") if path.is_file()]
    spoken = [said.encode() for said in story.said.values()]
    for secret in (PASSWORD, "s3cret@word", "alice"):
        assert not any(secret.encode() in text for text in (*written, *spoken))


def test_publish_names_a_server_that_is_away_without_its_password(story):
    command = [sys.executable, "-m", "harness.tracking.store", "publish", str(story.folder / "results" / "runs")]
    address = {"MLFLOW_TRACKING_URI": f"http://alice:{PASSWORD}@127.0.0.1:9"}
    done = subprocess.run(command, env={**clean(), **address}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "http://127.0.0.1:9 does not answer; start the server, or unset MLFLOW_TRACKING_URI to use results/mlflow.db\n"
    )
