import gc
import os
import sqlite3
from contextlib import closing
from functools import cache
from shutil import copyfile
from warnings import catch_warnings

import pytest
from filelock import FileLock
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes side by side, as the Makefile has it
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from harness.tracking.client import Tracker
from harness.tracking.store import Store
from tests.marked_files import may_hold, refuse_unwritten_marks
from tests.optional_packages import INSTALL, MARK, engines_are_installed, hide_optional_packages
from tests.scheduling import order, pytest_xdist_make_scheduler  # noqa: F401 - the second is a hook

# Properties are tried on so many batches each, whatever the machine is busy with. make test-slow chooses the second.
settings.register_profile("default tier", deadline=None, max_examples=10)
settings.register_profile("thorough", deadline=None, max_examples=50)
settings.load_profile("default tier")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Spare the garbage collector what all tests share: a million objects, gone through again and again."""
    gc.disable()
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


def pytest_ignore_collect(collection_path, config):
    """Leave out files without tests of the tier that is asked for; a file that is named is read anyhow."""
    if collection_path.suffix != ".py" or collection_path.name == "__init__.py":
        return None
    return None if may_hold(collection_path, config.option.markexpr) else True


def pytest_collection_modifyitems(items):
    """Long tests go first; those of the engines need them."""
    refuse_unwritten_marks(items)
    order(items)
    if not engines_are_installed():
        for item in items:
            if item.get_closest_marker(MARK):
                item.add_marker(pytest.mark.skip(reason=INSTALL))


def pytest_collection_finish(session):
    """Without tests of the engines in the session, optional packages are hidden."""
    if not any(item.get_closest_marker(MARK) for item in session.items):
        hide_optional_packages()


@pytest.fixture(scope="session")
def schema_known():
    """Let MLflow read its migrations once: of every store that is opened it asks which of the 60 is the newest."""
    with catch_warnings(action="ignore"):  # MLflow's about SQLAlchemy
        from mlflow.store.db import utils

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "_get_latest_schema_revision", cache(utils._get_latest_schema_revision))
        yield


@pytest.fixture(scope="session")
def blank_database(tmp_path_factory, worker_id, schema_known):
    """MLflow's tables, empty: making them takes seconds, copying them none. Processes side by side share them."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "blank"
    folder.mkdir(exist_ok=True)
    file, draft = folder / "mlflow.db", folder / "draft.db"
    with FileLock(folder / "lock"):
        if not file.exists():
            assert Tracker(f"sqlite:///{draft}", str(draft), str(draft), folder).client
            with closing(sqlite3.connect(draft)) as database:
                database.execute("PRAGMA wal_checkpoint(truncate)")
            draft.rename(file)
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
