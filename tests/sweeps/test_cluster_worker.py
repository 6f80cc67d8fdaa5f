"""What a worker on another machine writes down of itself."""

from dataclasses import replace

import pytest

from harness.provenance import provenance
from sweeps.errors import SweepError
from sweeps.events import Done
from sweeps.plan import make_plan
from sweeps.task import place
from sweeps.worker import perform
from tests.sweeps.grids import PLAIN, TINY, grid

ELSEWHERE = {"commit": "abc", "dirty": "no", "processor": "the driver's", "cores": "999", "tuning": "t1"}


@pytest.fixture
def run(tmp_path):
    return make_plan(grid(tmp_path, PLAIN + TINY), False, (), (), {**provenance(), **ELSEWHERE}).runs[0]


def test_a_record_names_the_machine_that_ran_it_and_the_commit_of_the_driver(run, tmp_path):
    *_, done = perform(run, tmp_path / "run")
    assert isinstance(done, Done)
    about, own = done.record.provenance, provenance()
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
        next(perform(other, tmp_path / "run"))
    assert f"has torch {provenance()['torch']}, the driver 1.0" in str(caught.value)
    assert str(caught.value).endswith("install requirements.lock on every node")


def test_a_node_that_does_not_see_the_results_uses_a_folder_of_its_own_and_the_same_again(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert place(str(tmp_path), exports=True) == tmp_path
    own = place(str(tmp_path / "of another machine"), exports=False)
    assert own.is_dir()
    assert own == place(str(tmp_path / "of another machine"), exports=False)
    assert own.stat().st_mode & 0o077 == 0


def test_a_node_that_does_not_see_the_results_does_not_begin_a_run_whose_model_it_would_lose(tmp_path):
    with pytest.raises(SweepError, match="does not see .*elsewhere, and an exported model does not travel through Ray"):
        place(str(tmp_path / "elsewhere"), exports=True)
