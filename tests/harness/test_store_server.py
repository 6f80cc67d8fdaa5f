import pytest

from harness.store import Store
from tests.analysis.samples import STUDY, run
from tests.harness.servers import serving


@pytest.fixture
def server(tmp_path, blank_database):
    """A tracking server of MLflow's own; its address."""
    with serving(tmp_path, blank_database) as running:
        yield running.address


@pytest.mark.slow
def test_a_tracking_server_keeps_what_a_database_keeps(server, results, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    store = Store.open(results)
    assert store.studies() == ()
    store.save_study(STUDY)
    handle = store.begin(run(0, 0).head)
    store.log(handle, 1, {"reward/mean": 0.25})
    store.finish(handle, run(0, 0), {"note.txt": "short"})
    store.begin(run(0, 1).head)
    assert store.sweep_up("norms") == ("c0-s1",)
    again = Store.open(results)
    assert again.studies() == (STUDY,)
    assert again.records("norms") == [run(0, 0)]
    assert again.finished("norms") == {"c0-s0"}
    assert again.history("norms", "reward/mean") == {"c0-s0": ((1, 0.25),)}
    assert again.links("norms")["c0-s0"].startswith(f"{server}/#/experiments/")
