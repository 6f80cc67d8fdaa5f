"""A sweep on two nodes, one of which is lost, and the same sweep undisturbed in this process.

The fixture is the story, the tests its facts.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from shutil import copyfile

import pytest

from harness.tracking.store import Store
from tests.sweeps.clusters import at_work, cluster
from tests.sweeps.drivers import here, sweep, until
from tests.sweeps.grids import PLAIN, TINY, write

pytestmark = pytest.mark.distributed

RUNS = 4
STEPS = 40
SHORT = f"steps={STEPS}, rollout.max_response_length=16, optim.updates_per_rollout=1, checkpoint.every=5"
GRID = PLAIN.replace("seeds: [0, 1]", "seeds: [0]") + TINY.replace("steps=2", SHORT)


@dataclass
class Story:
    code: int = -1
    said: str = ""
    both: dict = field(default_factory=dict)  # what the leaving node was at while the head was at work
    stores: dict = field(default_factory=dict)
    lost: str = ""  # the run that was killed with the node
    kept: list = field(default_factory=list)  # of its curve, as far as its newest checkpoint when the node left
    curve: list = field(default_factory=list)  # in the end


@pytest.fixture(scope="module")
def story(tmp_path_factory, blank_database):
    folder, told = tmp_path_factory.mktemp("loss"), Story()
    grid = f"grid={write(folder, GRID)}"
    for name in ("undisturbed", "disturbed"):
        (folder / name).mkdir()
        copyfile(blank_database, folder / name / "mlflow.db")

    def place(run):
        return folder / "disturbed" / "runs" / f"plain.{run}"

    def halted():
        """A run on the node that is about to leave, stopped in its midst, so that it cannot end before it is lost."""
        for run, process in at_work(leaving).items():
            if len(_lines(place(run))) > STEPS // 3:
                process.suspend()
                if at_work(leaving).get(run) == process and len(_lines(place(run))) <= STEPS:
                    return run, process
                process.resume()
        return None

    with cluster(1, 1) as ray:
        head, leaving = ray.raylets
        access = {"RAY_ADDRESS": ray.address, **ray.access}
        with sweep([grid, f"results={folder / 'disturbed'}"], folder / "said.txt", **access) as process:
            told.both = until(lambda: at_work(head) and at_work(leaving), process)
            told.lost, worker = until(halted, process)
            told.kept = _lines(place(told.lost))[: _checkpoint(place(told.lost)) + 1]  # and step 0
            ray.tell("lose")
            worker.kill()
            told.code = process.wait()
    told.said, told.curve = (folder / "said.txt").read_text(), _lines(place(told.lost))
    code, said = here("run", grid, f"results={folder / 'undisturbed'}", LAUNCH="inline")
    assert code == 0, said
    told.stores = {name: Store.open(folder / name) for name in ("undisturbed", "disturbed")}
    return told


def _lines(run):
    path = run / "metrics.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def _checkpoint(run):
    return max(int(path.name.removeprefix("step-")) for path in (run / "checkpoints").glob("step-*"))


def scores(store):
    return {record.run_id: record.scores for record in store.records("plain")}


def test_a_sweep_uses_both_nodes_and_ends_complete(story):
    assert story.both
    assert story.code == 0, story.said
    assert len(story.stores["disturbed"].finished("plain")) == RUNS


def test_a_lost_node_costs_its_run_no_attempt(story):
    (line,) = (line for line in story.said.splitlines() if "lost, continues on another node" in line)
    (record,) = (record for record in story.stores["disturbed"].records("plain") if record.run_id == story.lost)
    assert set(line.partition("] ")[2].partition(": ")[0].split()) == {*record.labels.values(), "s0"}
    assert line.endswith(": lost, continues on another node: NodeDiedError: the node of the run is gone")
    assert "4 runs finished, 0 failed" in story.said


def test_the_tracking_store_holds_each_run_once(story):
    store = story.stores["disturbed"]
    with closing(sqlite3.connect(store.place)) as database:
        rows = database.execute(
            "SELECT cell.value || '-s' || seed.value, status FROM runs JOIN tags AS cell USING (run_uuid) "
            "JOIN tags AS seed USING (run_uuid) WHERE cell.key = 'cell_id' AND seed.key = 'seed' "
            "AND lifecycle_stage = 'active'"
        ).fetchall()
    assert sorted(run_id for run_id, _ in rows) == sorted(store.finished("plain"))
    assert {status for _, status in rows} == {"FINISHED"}
    assert len(rows) == RUNS


def test_scores_and_curves_are_those_of_an_undisturbed_sweep(story):
    undisturbed, disturbed = story.stores["undisturbed"], story.stores["disturbed"]
    assert scores(disturbed) == scores(undisturbed)
    curves = [store.history("plain", "reward/mean") for store in (undisturbed, disturbed)]
    assert curves[0] == curves[1]
    assert [step for step, _ in curves[1][story.lost]] == list(range(1, STEPS + 1))


def test_the_lost_run_went_on_from_its_checkpoint(story):
    assert len(story.kept) > STEPS // 4
    assert "seconds/step" in story.kept[-1]  # a step that is done again takes another time
    assert story.curve[: len(story.kept)] == story.kept
    assert len(story.curve) == STEPS + 1
