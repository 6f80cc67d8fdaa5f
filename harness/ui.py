"""MLflow's pages for the recorded runs, on 127.0.0.1 only: ``python -m harness.ui port=5000``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from harness.store_address import without_credentials
from harness.store_errors import StoreError
from harness.store_read import SqlReader
from harness.store_secrets import redacted

DEFAULT_PORT: Final = "5000"


def serve(port: str) -> int:
    """Serve until Ctrl-C. Exit code 2 for a wrong port, 1 where there is nothing to show."""
    if not port.isdigit():
        print(f"port: not a number: {port}", file=sys.stderr)
        return 2
    database = Path(os.environ.get("RESULTS_DIR", "results")) / "mlflow.db"
    uri = os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    if uri.endswith(str(database)) and not database.exists():
        print(f"no runs yet: {database} does not exist; start with: make sweep GRID=smoke", file=sys.stderr)
        return 1
    try:
        if uri.startswith("http"):
            print(f"the runs are on the tracking server: {redacted(without_credentials(uri))}")
            return 0
        studies = SqlReader(uri).experiments()
    except StoreError as error:
        print(error, file=sys.stderr)
        return 1
    print("the runs of each study, when MLflow has started (Ctrl-C ends it):")
    for name, number in studies.items():
        print(f"  {name:18} http://127.0.0.1:{port}/#/experiments/{number}/runs", flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", port]
    environment = {**os.environ, "MLFLOW_BACKEND_STORE_URI": uri}  # everybody can read the words of a command
    try:
        return subprocess.run(command, check=False, env=environment).returncode
    except KeyboardInterrupt:
        return 0


def main(argv: list[str] | None = None) -> int:
    """Run ``python -m harness.ui``, an alias of ``liteppo ui``."""
    from liteppo.program import alias  # noqa: PLC0415 - the command line is above this layer

    return alias("harness.ui", argv)


if __name__ == "__main__":
    sys.exit(main())
