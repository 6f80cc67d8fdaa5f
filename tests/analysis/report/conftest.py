from shutil import copyfile

import pytest

from analysis.report.page import page
from harness.store import Store
from tests.analysis.report.html import parse
from tests.analysis.report.samples import fill


@pytest.fixture(scope="session")
def filled(tmp_path_factory, blank_database):
    """A store with the study of the samples, for tests that only read."""
    results = tmp_path_factory.mktemp("report") / "results"
    results.mkdir()
    copyfile(blank_database, results / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        store = Store.open(results)
    fill(store)
    return store


@pytest.fixture(scope="session")
def text(filled, tmp_path_factory):
    return page(filled, filled.studies(), tmp_path_factory.mktemp("nothing"))


@pytest.fixture(scope="session")
def document(text):
    return parse(text)
