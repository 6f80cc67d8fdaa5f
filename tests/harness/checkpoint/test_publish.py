from __future__ import annotations

from pathlib import Path

from harness.tracking.publish import publish_missing
from harness.tracking.store import Store
from tests.harness.checkpoint.runs import finish, spec


def test_weights_and_checkpoints_are_no_artifacts(store: Store, results: Path) -> None:
    chosen = spec("steps=1", "eval.every=0")
    folder = results / "runs" / chosen.config.run_id()
    finish(chosen, folder)
    (folder / "checkpoints" / "step-000001").mkdir(parents=True)  # a run that was killed while it cleared them
    assert publish_missing(store, results / "runs").added == (chosen.config.run_id(),)
    kept = {path.name for path in (results / "mlartifacts").rglob("*") if path.is_file()}
    assert kept == {"record.json", "config.yaml", "outcomes.parquet", "clipped_tokens.json"}
