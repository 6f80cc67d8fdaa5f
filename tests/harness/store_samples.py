"""A record and a study, small enough to read."""

from harness.records.record import RunRecord, Skipped, Study
from harness.tracking.journal import RunJournal

RECORD = RunRecord(
    run_id="c1-s0",
    cell_id="c1",
    study="norms",
    profile="laptop",
    labels={"norm": "group", "model": "small"},
    seed=0,
    status="finished",
    scores={"final/accuracy": 0.4375, "final/pass@8": 0.75},
    config={"train": {"lr": 5e-4, "betas": [0.9, 0.95]}, "tricks": {"group_norm": {}}, "note": "x" * 9_000},
    rule={"advantages": ("Normalize(mean='group', std='group')",), "signal_mask": ()},
    provenance={"commit": "0123abc", "dirty": "false"},
    wall_seconds=2.0,
    cpu_seconds=1.5,
    peak_memory_mb=300.0,
)
STUDY = Study(
    name="norms",
    profile="laptop",
    question="Which?",
    metric="final/accuracy",
    axes={"norm": ("none", "group"), "model": ("small",)},
    baseline={"norm": "none"},
    seeds=(0, 1),
    cells=({"norm": "none", "model": "small"}, {"norm": "group", "model": "small"}),
    cell_ids=("c0", "c1"),
    skipped=(Skipped({"norm": "batch"}, "no time"),),
)


def run(store, record=RECORD):
    handle = store.begin(record.head)
    store.finish(handle, record)
    return handle


def saved_journal(outbox, record=RECORD):
    """A journal on disk, without steps."""
    journal = RunJournal.draft(outbox, record.head, f"{record.study}.{record.run_id}")
    journal.save()
    return journal
