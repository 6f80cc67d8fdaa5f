"""Errors of the store; messages say what to do and hide credentials."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_CREDENTIALS: Final = re.compile(r"://[^/\s]*@")
_SECRET: Final = re.compile(
    r"([?&][\w.-]*(?:passw|passphrase|pwd|token|secret|credential|api_?key|odbc_connect)[\w.-]*=)[^&\s]*", re.IGNORECASE
)


def redact_credentials(text: str) -> str:
    """Return the text with users, passwords and tokens in addresses replaced by ***."""
    return _SECRET.sub(r"\1***", _CREDENTIALS.sub("://***@", text))


REPAIR_COMMAND: Final = "python -m harness.tracking.store publish results/runs"

# Substrings of what SQLite, SQLAlchemy, requests and the operating system say, and what to do about it.
# The first that matches wins.
_ADVICE: Final = (
    (
        ("malformed", "not a database"),
        f"is not a readable database; move it away (mv '{{place}}'* elsewhere), then `{REPAIR_COMMAND}` rebuilds it",
    ),
    (
        ("disk is full", "no space left", "disk i/o error", "disk quota", "file too large"),
        "could not be written: the disk is full or failing; free some space and start again; finished runs are kept",
    ),
    (
        ("readonly", "read-only", "unable to open", "permission denied", "not a directory", "file exists"),
        "cannot be written; make its folder writable, or use another one",
    ),
    (("database is locked",), "is in use by another process; wait until it has ended"),
    (
        ("out-of-date database schema", "can't locate revision"),
        "was written by another version of MLflow; back it up and run `mlflow db upgrade`",
    ),
    (
        ("password authentication", "error code 401", "error code 403", "unauthorized", "permission_denied"),
        "refuses access; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or both in MLFLOW_TRACKING_URI",
    ),
    (
        ("connection", "refused", "max retries", "timed out", "name or service", "name resolution", "nodename"),
        "does not answer; start the server, or unset MLFLOW_TRACKING_URI to use results/mlflow.db",
    ),
)


# MLflow's error codes of requests that fail every time.
_REFUSALS: Final = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}


class StoreError(RuntimeError):
    """Error for a store that cannot be read or written.

    The message is one line that names the store and the way out.
    """

    def __init__(self, said: str, refused: bool = False) -> None:
        super().__init__(said)
        self.refused = refused  # the store answered, and a retry would fail too


@contextmanager
def explain_errors(place: str) -> Iterator[None]:
    """Convert errors of disk, database, network and MLflow to StoreError within the context.

    ``place`` names the store in the message.
    """
    try:
        yield
    except Exception as error:
        if not _foreign(error):  # a StoreError, or a bug
            raise
        refused = getattr(error, "error_code", None) in _REFUSALS
        raise StoreError(redact_credentials(_advice(place, error)), refused) from error


def _foreign(error: Exception) -> bool:
    # By module, since importing MLflow or SQLAlchemy for their classes would cost every reader a second.
    owner = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError) or owner in {"mlflow", "sqlalchemy", "sqlite3", "alembic"}


def _advice(place: str, error: Exception) -> str:
    said = str(error).strip()
    for signs, advice in _ADVICE:
        if any(sign in said.lower() for sign in signs):
            return f"{place} {advice.format(place=place)}"
    return f"{place}: {said.splitlines()[0] if said else type(error).__name__}"
