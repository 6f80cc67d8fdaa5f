"""Server of MLflow's pages for the recorded runs, on 127.0.0.1: ``liteppo ui --port 5000``.

MLflow's own command starts four web workers and job consumers that are never used. Here one process serves its
application.
"""

import os
import socket
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from harness.tracking.errors import StoreError, explain_errors
from harness.tracking.store import Store

HOST: Final = "127.0.0.1"


def serve(port: str) -> int:
    """Serve the pages until Ctrl-C and return the exit code.

    The code is 2 for a wrong port, and 1 where there is nothing to show or the port is in use.
    """
    if not port.isdigit() or not 0 < int(port) < 65_536:
        return _refuse(f"port: not a number from 1 to 65535: {port}", 2)
    results = Path(os.environ.get("RESULTS_DIR", "results"))
    database = results / "mlflow.db"
    if not os.environ.get("MLFLOW_TRACKING_URI") and not database.exists():
        return _refuse(f"no runs yet: {database} does not exist; start with: make sweep GRID=smoke", 1)
    try:
        store = Store.open(results)
        if store.is_server:
            print(f"the runs are on the tracking server: {store.place}")
            _print_links(store.pages())
            return 0
        return _serve(store, results / "mlartifacts", int(port))
    except StoreError as error:
        return _refuse(str(error), 1)


def _refuse(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


def _serve(store: Store, artifacts: Path, port: int) -> int:
    """Serve the runs of a database until Ctrl-C."""
    try:
        listening = _listen(port)
    except OSError as error:
        return _refuse(f"port {port} of {HOST} cannot be used ({error.strerror}); take another: make ui PORT=5001", 1)
    with listening:
        for study in store.studies():
            with suppress(StoreError):  # a database that cannot be written is shown all the same
                store.show_study(study)
        address = f"http://{HOST}:{port}"
        with warnings.catch_warnings(action="ignore"), explain_errors(store.place):  # the warnings of MLflow's packages
            application = _application(store.uri, artifacts)
            print(f"MLflow shows the runs at {address} (press Ctrl-C to stop)", flush=True)
            _print_links(store.pages(address))
            _run(application, listening)
    return 0


def _listen(port: int) -> socket.socket:
    """Listen on the port. Raises OSError where another process uses it."""
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


def _application(uri: str, artifacts: Path) -> Any:
    """Load MLflow's application for a database.

    ``artifacts`` is the folder for experiments that are created in the pages.
    """
    os.environ.update(
        MLFLOW_DISABLE_TELEMETRY="true",
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
        MLFLOW_LOGGING_LEVEL="ERROR",
        _MLFLOW_SERVER_FILE_STORE=uri,  # these three are set by MLflow's own command for its workers
        _MLFLOW_SERVER_ARTIFACT_ROOT=artifacts.absolute().as_uri(),
        _MLFLOW_SGI_NAME="uvicorn",
    )
    from mlflow.server.fastapi_app import app  # noqa: PLC0415 - seconds, which a refusal need not spend
    from mlflow.server.handlers import initialize_backend_stores  # noqa: PLC0415 - as above

    initialize_backend_stores(
        uri, default_artifact_root=artifacts.absolute().as_uri()
    )  # refuses a database of another version here, rather than on every page
    return app


def _run(application: Any, listening: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415 - as above

    server = uvicorn.Server(
        uvicorn.Config(application, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
    )
    with suppress(KeyboardInterrupt):  # raised again after a clean shutdown
        server.run(sockets=[listening])


def _print_links(pages: Mapping[str, Sequence[str]]) -> None:
    for name, addresses in pages.items():
        for what, address in zip(("runs", "charts"), addresses, strict=False):
            print(f"  {name} {what}: {address}", flush=True)
