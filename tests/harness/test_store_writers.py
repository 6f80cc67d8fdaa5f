"""Eight drivers write to one tracking server at once, and lose nothing."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from harness.tracking.store import Store
from tests.harness.servers import serving
from tests.harness.writer import RUNS, SHARED, STEPS

pytestmark = [pytest.mark.slow, pytest.mark.distributed]

WRITERS = 8


@pytest.fixture(scope="module")
def written(tmp_path_factory, blank_database):
    """The server's database, and what a store that reads it through the server says."""
    folder = tmp_path_factory.mktemp("writers")
    with serving(folder, blank_database) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", server.address)
        command = [sys.executable, "-m", "tests.harness.writer"]
        options = {"env": os.environ.copy(), "stderr": subprocess.PIPE, "text": True}
        writers = [
            subprocess.Popen([*command, str(folder / f"results{number}"), str(number), str(folder)], **options)
            for number in range(WRITERS)
        ]
        while not all((folder / str(number)).exists() for number in range(WRITERS)):
            assert all(writer.poll() is None for writer in writers), [writer.stderr.read() for writer in writers]
            time.sleep(0.1)
        (folder / "open").touch()
        complaints = [writer.communicate()[1] for writer in writers]
        assert [writer.returncode for writer in writers] == [0] * WRITERS, complaints
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
