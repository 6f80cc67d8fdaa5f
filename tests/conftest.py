import os
import sqlite3
from contextlib import closing
from shutil import copyfile

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes side by side, as the Makefile has it

from harness.store import Store
from harness.store_client import Tracker
from tests.optional_packages import INSTALL, MARK, engines_are_installed, hide_optional_packages


def pytest_collection_modifyitems(items):
    """Files with distributed tests first, then those with slow ones, so that two processes end together."""
    for mark in ("slow", "distributed"):
        marked = {item.path for item in items if item.get_closest_marker(mark)}
        items.sort(key=lambda item: item.path not in marked)
    if not engines_are_installed():
        for item in items:
            if item.get_closest_marker(MARK):
                item.add_marker(pytest.mark.skip(reason=INSTALL))


def pytest_collection_finish(session):
    """Without tests of the engines in the session, optional packages are hidden."""
    if not any(item.get_closest_marker(MARK) for item in session.items):
        hide_optional_packages()


@pytest.fixture(scope="session")
def blank_database(tmp_path_factory):
    """MLflow's tables, empty: making them takes seconds, copying them none."""
    file = tmp_path_factory.mktemp("blank") / "mlflow.db"
    assert Tracker(f"sqlite:///{file}", str(file), str(file), file.parent).client
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(truncate)")
    return file


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Where a store will be; nothing is there yet."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("RESULTS_DIR", raising=False)
    return tmp_path / "results"


@pytest.fixture
def store(results, blank_database):
    """An empty store under ``results``."""
    results.mkdir()
    copyfile(blank_database, results / "mlflow.db")
    return Store.open(results)
