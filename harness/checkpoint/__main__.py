"""The weights of a run as a Hugging Face folder: ``python -m harness.checkpoint RUN``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from harness.models.locate import ModelError

_USAGE = """\
usage: python -m harness.checkpoint RUN

Prints the folder of a run's weights, for make eval MODEL=folder. RUN is a run id, such as 0a1b2c3d4e-s0.
A finished run has them if it ran with checkpoint.export=true; of one that was stopped, those of its
newest checkpoint are written now."""


def main(arguments: list[str]) -> int:
    """Find or write them. Exit code 2 for an unknown run, 1 where no weights are left."""
    if len(arguments) != 1 or {"-h", "--help"} & set(arguments):
        print(_USAGE)
        return 0 if {"-h", "--help"} & set(arguments) else 2
    runs, wanted = Path(os.environ.get("RESULTS_DIR") or "results") / "runs", arguments[0]
    found = [path for path in sorted(runs.glob("*")) if path.name.rpartition(".")[2] == wanted]
    if not found:
        print(f"{wanted}: no such run in {runs}; give a run id, as make trace shows it", file=sys.stderr)
        return 2
    try:
        folder = _weights(found)
    except (ModelError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if folder is None:
        print(f"{wanted}: it has kept no weights; a run keeps them with checkpoint.export=true", file=sys.stderr)
        return 1
    print(folder)
    return 0


def _weights(runs: list[Path]) -> Path | None:
    from harness.checkpoint.export import EXPORTED, export_stopped  # noqa: PLC0415 - torch takes seconds

    exported = next((run / EXPORTED for run in runs if (run / EXPORTED).is_dir()), None)
    return exported or next(filter(None, map(export_stopped, runs)), None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
