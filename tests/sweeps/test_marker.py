"""The file by which workers know the driver's folder."""

import pytest

from harness.checkpoint.__main__ import main
from harness.tracking.publish import publish_missing
from harness.tracking.store import Store
from sweeps.driver import reuse_finished_runs
from sweeps.launch.scheduler import mark_shared_folder
from sweeps.plan.plan import make_plan
from tests.sweeps.grids import PLAIN, TINY, grid


def test_the_file_is_there_meanwhile_and_gone_afterwards_and_never_called_the_same(tmp_path):
    with mark_shared_folder(tmp_path) as one, mark_shared_folder(tmp_path) as other:
        assert {path.name for path in tmp_path.iterdir()} == {one, other}
        assert one != other
    assert not list(tmp_path.iterdir())


def test_it_is_gone_after_an_interruption_too(tmp_path):
    with pytest.raises(KeyboardInterrupt), mark_shared_folder(tmp_path):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_nothing_takes_what_a_killed_driver_has_left_for_a_run(tmp_path, monkeypatch):
    runs = tmp_path / "runs"
    runs.mkdir()
    with mark_shared_folder(runs) as mark:
        found = publish_missing(Store.open(tmp_path), runs)
        assert (found.added, found.known, found.faults) == ((), 0, ())
        assert reuse_finished_runs(make_plan(grid(tmp_path, PLAIN + TINY), False, (), (), {}).runs, runs) == ()
        monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
        assert main([mark]) == 2
