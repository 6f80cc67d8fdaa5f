"""Eight drivers write to one tracking server at once, and lose nothing."""

import sqlite3
from contextlib import ExitStack, closing

import pytest

from harness.tracking.store import Store
from tests.harness import writer
from tests.harness.servers import serving
from tests.harness.writer import RUNS, SHARED, STEPS
from tests.sweeps.drivers import command, until

pytestmark = [pytest.mark.slow, pytest.mark.distributed]

WRITERS = 8


@pytest.fixture(scope="module")
def written(tmp_path_factory, blank_database):
    """The server's database, and what a store that reads it through the server says."""
    folder = tmp_path_factory.mktemp("writers")
    with serving(folder, blank_database) as server, ExitStack() as kept, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", server.address)
        writers = []
        for number in range(WRITERS):
            words = (folder / f"results{number}", number, folder)
            begun = command(words, folder / f"said{number}", writer.main, MLFLOW_TRACKING_URI=server.address)
            writers.append(kept.enter_context(begun))
        for number, process in enumerate(writers):
            until((folder / str(number)).exists, process)
        (folder / "open").touch()
        assert [process.wait() for process in writers] == [0] * WRITERS, [each.last_words() for each in writers]
        store = Store.open(folder / "results")
        yield server.database, store.records("norms"), store.history("norms", "reward/mean")


def test_every_run_is_there_once(written):
    database, records, _ = written
    own = [f"w{number}-s{seed}" for number in range(WRITERS) for seed in range(RUNS)]
    assert [record.run_id for record in records] == sorted([*own, SHARED])
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT status, count(*) FROM runs WHERE lifecycle_stage = 'active' GROUP BY status")
        assert rows.fetchall() == [("FINISHED", len(own) + 1)]
        assert connection.execute("SELECT count(*) FROM experiments WHERE name = 'norms'").fetchone() == (1,)


def test_every_metric_is_there(written):
    _, records, curves = written
    assert curves == {record.run_id: tuple((step, step / 8) for step in range(STEPS)) for record in records}
