import pytest

from tests.harness.data.folders import write_folder


@pytest.fixture
def results(tmp_path, monkeypatch):
    """An empty folder of results that the code under test finds."""
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture
def use_folder(tmp_path, monkeypatch, results):
    """Writes a little folder, with some tables replaced, and points DATA_DIR to it."""

    def use(**replaced):
        folder = write_folder(tmp_path / "data", **replaced)
        monkeypatch.setenv("DATA_DIR", str(folder))
        return folder

    return use
