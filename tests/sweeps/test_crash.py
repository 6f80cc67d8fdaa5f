"""One sweep on Ray that is killed in every way, and what is left of it, which ends in this process.

The fixture is the story, the tests its facts.
"""

import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile

import psutil
import pytest

from harness.tracking.store import Store
from tests.sweeps.drivers import here, sweep, title, until
from tests.sweeps.grids import PLAIN, TINY, write

pytestmark = pytest.mark.distributed

RUNS = 4
STEPS = 30
SHORT_STEPS = f"steps={STEPS}, rollout.max_response_length=16, optim.updates_per_rollout=1"
LONG = PLAIN.replace("seeds: [0, 1]", "seeds: [0]") + TINY.replace("steps=2", SHORT_STEPS)


@dataclass
class Story:
    codes: dict[str, int] = field(default_factory=dict)  # exit codes
    said: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, dict[str, str]] = field(default_factory=dict)  # after each chapter
    kept: dict[Path, int] = field(default_factory=dict)  # records after Ctrl-C, with their times
    orphans: list[psutil.Process] = field(default_factory=list)  # workers that outlived their driver


def workers(sweep):
    """Processes that are at a run; Ray names them by it."""
    found = psutil.Process(sweep.pid).children(recursive=True)
    return [process for process in found if title(process).startswith("ray::") and title(process).endswith("-s0")]


def halted(sweep, results):
    """Processes stopped in the midst of their runs, so that none of these can end before what comes next."""
    found = workers(sweep)
    with suppress(psutil.NoSuchProcess):
        for process in found:
            process.suspend()
    if found and found == workers(sweep) and not any(complete(results, process) for process in found):
        return found
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.resume()
    return []


def halted_while_running(sweep, results):
    """Halted processes, one of which at least is at a run that the store holds as running already."""
    running = {run for run, status in Store.open(results).statuses("plain").items() if status == "RUNNING"}
    if not any(run_of(process) in running for process in workers(sweep)):
        return []
    found = halted(sweep, results)
    if any(run_of(process) in running for process in found):
        return found
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.resume()
    return []


def run_of(process):
    return title(process).removeprefix("ray::")


def complete(results, process):
    """Whether the curve of the run that a process is at has its last step."""
    paths = results.glob(f"runs/*.{run_of(process)}/metrics.jsonl")
    return any(len(path.read_text().splitlines()) > STEPS for path in paths)


def records(results):
    return sorted((results / "runs").glob("*/record.json"))


def curves(results, since):
    return [path for path in (results / "runs").glob("*/metrics.jsonl") if path.stat().st_mtime > since]


@pytest.fixture(scope="module")
def story(tmp_path_factory, blank_database):
    folder = tmp_path_factory.mktemp("crash")
    results, told = folder / "results", Story()
    results.mkdir()
    copyfile(blank_database, results / "mlflow.db")
    asked = [f"grid={write(folder, LONG)}", f"results={results}"]

    def end(name, process):
        told.codes[name], told.said[name] = process.wait(), (folder / name).read_text()
        told.statuses[name] = dict(Store.open(results).statuses("plain"))

    def do(name):
        told.codes[name], told.said[name] = here("run", *asked, LAUNCH="inline")
        told.statuses[name] = dict(Store.open(results).statuses("plain"))

    with sweep(asked, folder / "interrupted") as process:
        until(lambda: curves(results, 0.0), process)
        do("second")
        killed, *others = until(lambda: halted(process, results), process)
        killed.kill()
        for each in others:
            each.resume()
        until(lambda: records(results), process)
        process.send_signal(signal.SIGINT)
        end("interrupted", process)
    told.kept = {path: path.stat().st_mtime_ns for path in records(results)}

    since = time.time()
    with sweep(asked, folder / "killed") as process:
        until(lambda: curves(results, since), process)
        left = until(lambda: halted_while_running(process, results), process)
        process.kill()
        end("killed", process)
    for each in left:
        with suppress(psutil.NoSuchProcess):
            each.resume()
    _, told.orphans = psutil.wait_procs(left, timeout=60)

    do("resumed")
    do("again")
    told.kept = {path: path.stat().st_mtime_ns - before for path, before in told.kept.items()}
    return told


def test_a_killed_worker_costs_one_attempt(story):
    assert story.said["interrupted"].count("failed, retried: WorkerCrashedError: the worker process died") == 1


def test_a_second_sweep_of_the_grid_is_refused(story):
    assert story.codes["second"] == 2
    assert "plain: a sweep of it is already running, started by process" in story.said["second"]


def test_ctrl_c_ends_in_good_order_and_says_how_to_resume(story):
    assert story.codes["interrupted"] == 130
    assert "resume with: liteppo sweep " in story.said["interrupted"]
    assert "Traceback" not in story.said["interrupted"]


def test_ctrl_c_leaves_no_run_running(story):
    assert "RUNNING" not in story.statuses["interrupted"].values()


def test_workers_do_not_outlive_a_killed_driver(story):
    assert story.codes["killed"] == -signal.SIGKILL
    assert story.orphans == []


def test_a_killed_driver_leaves_runs_running_until_the_next_start(story):
    assert "RUNNING" in story.statuses["killed"].values()
    assert set(story.statuses["resumed"].values()) == {"FINISHED"}


def test_all_runs_finish_in_the_end(story):
    assert story.codes["resumed"] == 0
    assert len(story.statuses["resumed"]) == RUNS


def test_no_finished_run_is_repeated(story):
    assert story.kept
    assert set(story.kept.values()) == {0}


def test_a_finished_sweep_starts_nothing(story):
    assert story.codes["again"] == 0
    assert "nothing to run: every planned run is finished" in story.said["again"]
    assert story.statuses["again"] == story.statuses["resumed"]
