"""Find the weights of a run as a Hugging Face folder, or write them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.models.locate import ModelError

if TYPE_CHECKING:
    from pathlib import Path


def export_run(run_id: str, results: Path) -> int:
    """Print the folder of a run's weights. Exit code 2 for an unknown run, 1 where no weights are left."""
    runs = results / "runs"
    found = [path for path in sorted(runs.glob("*")) if path.name.rpartition(".")[2] == run_id]
    if not found:
        print(f"{run_id}: no such run in {runs}; give a run id, as make trace shows it", file=sys.stderr)
        return 2
    try:
        folder = _weights(found)
    except (ModelError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if folder is None:
        print(f"{run_id}: it has kept no weights; a run keeps them with checkpoint.export=true", file=sys.stderr)
        return 1
    print(folder)
    return 0


def _weights(runs: list[Path]) -> Path | None:
    from harness.checkpoint.export import EXPORTED, export_stopped  # noqa: PLC0415 - torch takes seconds

    exported = next((run / EXPORTED for run in runs if (run / EXPORTED).is_dir()), None)
    return exported or next(filter(None, map(export_stopped, runs)), None)
