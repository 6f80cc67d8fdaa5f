from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.tracking.store import Store
from tests.analysis.samples import STUDY, run
from tests.harness.servers import Server, serving


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
    assert store.kill_orphaned_runs("norms") == ("c0-s1",)
    again = Store.open(results)
    assert again.studies() == (STUDY,)
    assert again.records("norms") == [run(0, 0)]
    assert again.finished("norms") == {"c0-s0"}
    assert again.history("norms", "reward/mean") == {"c0-s0": ((1, 0.25),)}
    assert again.links("norms")["c0-s0"].startswith(f"{server}/#/experiments/")


def test_nothing_else_is_given_the_port_of_a_server_that_is_down(tmp_path, blank_database):
    given_out = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not given_out.exists() or (lowest := int(given_out.read_text().split()[0])) < 32_768:
        pytest.skip("ports are given out in another range here")
    assert urlsplit(Server(tmp_path, blank_database).address).port < lowest
