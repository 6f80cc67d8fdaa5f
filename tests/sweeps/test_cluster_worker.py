"""What a worker on another machine writes down of itself."""

from dataclasses import replace

import pytest

from harness.config.experiment import load_config
from harness.records.provenance import ENGINE_KEYS, collect_provenance, find_engine_versions
from sweeps.launch.environment import SweepError
from sweeps.launch.events import RunFinished
from sweeps.launch.scheduler import mark_shared_folder
from sweeps.launch.task import choose_run_folder
from sweeps.launch.worker import describe_worker, execute_planned_run, refuse_different_versions
from sweeps.plan.plan import make_plan
from tests.sweeps.grids import PLAIN, TINY, grid

ELSEWHERE = {"commit": "abc", "dirty": "no", "processor": "the driver's", "cores": "999", "tuning": "t1"}
ON_ENGINES = load_config("backend=cpu_engines", "model=large_base").backend
EXPORTING = load_config("checkpoint.export=true")
BOTH = PLAIN.replace("none: []", "none: [backend=cpu_engines, model=large_base]") + TINY


@pytest.fixture
def run(tmp_path):
    return make_plan(grid(tmp_path, PLAIN + TINY), False, (), (), {**collect_provenance(), **ELSEWHERE}).runs[0]


def test_a_record_names_the_machine_that_ran_it_and_the_commit_of_the_driver(run, tmp_path):
    *_, done = execute_planned_run(run, tmp_path / "run")
    assert isinstance(done, RunFinished)
    about, own = done.record.provenance, collect_provenance()
    assert {name: about[name] for name in ("processor", "cores")} == {
        name: own[name] for name in ("processor", "cores")
    }
    assert {name: about[name] for name in ("commit", "dirty", "tuning")} == {
        "commit": "abc",
        "dirty": "no",
        "tuning": "t1",
    }


def test_a_node_with_another_package_is_refused_by_name(run, tmp_path):
    other = replace(run, provenance={**run.provenance, "torch": "1.0"})
    with pytest.raises(SweepError) as caught:
        next(execute_planned_run(other, tmp_path / "run"))
    assert f"has torch {collect_provenance()['torch']}, the driver 1.0" in str(caught.value)
    assert str(caught.value).endswith("install requirements.lock on every node")


def test_a_node_with_another_engine_or_without_it_is_refused_by_name():
    refuse_different_versions({"vllm": "0.32.0"}, {"vllm": "0.32.0", "deepspeed": "0.19.8"})
    with pytest.raises(
        SweepError, match=r" has vllm 0\.31\.0, the driver 0\.32\.0: .*make setup EXTRA=gpu .* every node$"
    ):
        refuse_different_versions({"vllm": "0.32.0"}, {"vllm": "0.31.0"})
    with pytest.raises(SweepError, match=r" has no deepspeed, the driver 0\.19\.8: "):
        refuse_different_versions({"deepspeed": "0.19.8"}, {"vllm": "0.32.0"})


def test_a_worker_refuses_the_plan_of_other_engines_before_its_first_step(run, tmp_path):
    planned = {**collect_provenance(), **ELSEWHERE, "vllm": "0.1"}
    other = replace(run, config=replace(run.config, backend=ON_ENGINES), provenance=planned)
    with pytest.raises(SweepError, match=r" has (no vllm|vllm \S+), the driver 0\.1: "):
        next(execute_planned_run(other, tmp_path / "run"))


@pytest.mark.engines
def test_plans_name_the_engines_of_the_runs_that_have_them_and_of_no_other(tmp_path):
    runs = make_plan(grid(tmp_path, BOTH), False, (), (), {"commit": "abc"}).runs
    found = [(bool(run.config.backend.vllm), dict(run.provenance)) for run in runs]
    assert {with_engines for with_engines, _ in found} == {True, False}
    for with_engines, about in found:
        assert about == {"commit": "abc", **(find_engine_versions(ON_ENGINES) if with_engines else {})}


@pytest.mark.engines
def test_a_driver_without_engines_leaves_their_versions_to_the_worker():
    assert describe_worker({"commit": "abc"}, ON_ENGINES).keys() == {"commit", *ENGINE_KEYS}
    assert describe_worker({"commit": "abc"}, load_config("backend=laptop").backend) == {"commit": "abc"}


def test_a_node_that_does_not_see_the_results_uses_a_folder_of_its_own_and_the_same_again(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    own = choose_run_folder(str(tmp_path / "of another machine"), "mark", load_config())
    assert own.is_dir()
    assert own == choose_run_folder(str(tmp_path / "of another machine"), "mark", load_config())
    assert own.stat().st_mode & 0o077 == 0


def test_the_drivers_folder_is_known_by_what_the_driver_has_left_there(tmp_path):
    with mark_shared_folder(tmp_path) as mark:
        assert choose_run_folder(str(tmp_path), mark, EXPORTING) == tmp_path
    with mark_shared_folder(tmp_path):
        assert choose_run_folder(str(tmp_path), mark, load_config()) != tmp_path


@pytest.mark.parametrize("folder", [".", "elsewhere"], ids=["has one of the same path", "has none"])
@pytest.mark.parametrize(
    ("config", "loss"),
    [
        (EXPORTING, "Ray does not transfer an exported model"),
        (
            load_config("backend=cpu_engines", "model=large_base"),
            "2 ranks can write a checkpoint only to a shared folder",
        ),
    ],
    ids=["model", "checkpoint"],
)
def test_a_node_that_does_not_see_the_results_does_not_begin_a_run_that_would_lose_something(
    tmp_path, folder, config, loss
):
    with pytest.raises(SweepError, match=f"does not see .*, and {loss}"):
        choose_run_folder(str(tmp_path / folder), "mark", config)


def test_a_run_whose_ranks_keep_nothing_may_run_anywhere(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    config = load_config("backend=cpu_engines", "model=large_base", "checkpoint.every=0")
    assert choose_run_folder(str(tmp_path / "elsewhere"), "mark", config).is_dir()
