from shutil import copyfile

import pytest

from analysis.report.page import render_page
from harness.tracking.store import Store
from tests.analysis.report.html import parse
from tests.analysis.report.samples import fill


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory, blank_database):
    """A store for the tests of one file, and its folder."""
    results = tmp_path_factory.mktemp("report") / "results"
    results.mkdir()
    copyfile(blank_database, results / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return Store.open(results), results


@pytest.fixture(scope="module")
def filled(empty_store):
    """A store with the study of the samples, for tests that only read."""
    fill(empty_store[0])
    return empty_store[0]


@pytest.fixture(scope="module")
def text(filled, tmp_path_factory):
    return render_page(filled, filled.studies(), tmp_path_factory.mktemp("nothing"))


@pytest.fixture(scope="module")
def document(text):
    return parse(text)
