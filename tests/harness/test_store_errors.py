import sqlite3
from contextlib import closing

import pytest

from harness.tracking.errors import StoreError, explain_errors
from harness.tracking.store import Store
from tests.harness.models.full_disk import no_file_above
from tests.harness.store_samples import RECORD, STUDY, run


@pytest.mark.parametrize("use", [lambda store: store.finished("norms"), lambda store: store.begin(RECORD.head)])
def test_a_corrupt_database_is_named_with_the_way_out_and_left_alone(results, use):
    results.mkdir()
    file = results / "mlflow.db"
    file.write_bytes(b"not a database" * 1_000)
    with pytest.raises(StoreError, match=r"mlflow\.db is not a readable database; move it away .* publish"):
        use(Store.open(results))
    assert file.read_bytes() == b"not a database" * 1_000


def test_a_database_torn_in_the_middle_is_named_too(store, results):
    run(store)
    with sqlite3.connect(results / "mlflow.db") as database:
        database.execute("PRAGMA wal_checkpoint(truncate)")
    content = bytearray((results / "mlflow.db").read_bytes())
    content[8_192:] = b"\xff" * (len(content) - 8_192)
    (results / "mlflow.db").write_bytes(bytes(content))
    with pytest.raises(StoreError, match="move it away"):
        Store.open(results).records("norms")


def test_a_place_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/results/mlflow\.db cannot be written"):
        Store.open(tmp_path / "file" / "results").begin(RECORD.head)


def test_a_full_disk_is_named():
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("PRAGMA max_page_count = 2")
        database.execute("CREATE TABLE t (x)")
        with (
            pytest.raises(StoreError, match="db could not be written: the disk is full"),
            explain_errors("results/mlflow.db"),
        ):
            database.execute("INSERT INTO t VALUES (zeroblob(100000))")


def test_a_disk_that_is_full_while_the_database_is_made_leaves_none(results):
    full = pytest.raises(StoreError, match=r"mlflow\.db could not be written: the disk is full or failing")
    with no_file_above(300_000), full:  # MLflow's tables need more
        Store.open(results).begin(RECORD.head)
    assert list(results.iterdir()) == []
    Store.open(results).save_study(STUDY)
    assert Store.open(results).studies() == (STUDY,)


def test_a_mistake_of_ours_is_not_dressed_up_as_a_broken_store():
    with pytest.raises(KeyError), explain_errors("results/mlflow.db"):
        raise KeyError("metric")


def test_an_error_does_not_show_the_password_of_the_server():
    with pytest.raises(StoreError) as caught, explain_errors("http://127.0.0.1:9"):
        raise OSError("no way to http://me:hidden@127.0.0.1:9/api?token=secret")
    assert str(caught.value) == "http://127.0.0.1:9: no way to http://***@127.0.0.1:9/api?token=***"


def test_a_store_that_fails_while_a_run_is_dropped_is_no_store_that_has_dropped_it(store, results):
    handle = store.begin(RECORD.head)
    with closing(sqlite3.connect(results / "mlflow.db")) as database, database:
        database.execute("CREATE TRIGGER t BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'disk i/o error'); END")
    with pytest.raises(StoreError, match="the disk is full or failing"):
        store.drop(handle)


def test_a_server_that_does_not_answer_is_named(results, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="http://127.0.0.1:9 does not answer; start the server"):
        Store.open(results).finished("norms")


def test_a_tracking_uri_that_is_no_database_is_refused(results, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    with pytest.raises(StoreError, match="use sqlite:///FILE"):
        Store.open(results)


def test_the_tracking_uri_of_the_environment_is_used(results, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    run(Store.open(results))
    assert (tmp_path / "elsewhere.db").exists()
    assert not (results / "mlflow.db").exists()
    assert (results / "mlartifacts").is_dir()
