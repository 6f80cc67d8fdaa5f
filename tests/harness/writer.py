"""A driver that publishes runs of a study as fast as it can."""

import time
from dataclasses import replace
from pathlib import Path

from harness.tracking.store import Store
from harness.tracking.tags import cell_and_seed
from harness.tracking.uploader import Uploader
from tests.harness.store_samples import RECORD

PATIENCE = 300.0  # seconds
RUNS = 3  # of each writer alone
STEPS = 20
SHARED = "shared-s0"  # the run that every writer has


def main(words):
    """Wait in the folder ``gate`` until it is open, then write."""
    results, number, gate = words
    store = Store.open(Path(results))
    store.statuses("norms")  # connected before the gate opens
    courier = Uploader(store, Path(results), print)
    Path(gate, number).touch()
    while not Path(gate, "open").exists():
        time.sleep(0.01)
    for run_id in (SHARED, *(f"w{number}-s{seed}" for seed in range(RUNS))):
        cell, seed = cell_and_seed(run_id)
        about = {"commit": f"of {number}"}
        record = replace(RECORD, run_id=run_id, cell_id=cell, seed=int(seed), provenance=about)
        courier.begin(record.head, run_id)
        for step in range(STEPS):
            courier.step(run_id, step, {"reward/mean": step / 8, "reward/std": step / 16})
        courier.end(run_id, record)
    assert not courier.close(PATIENCE)
