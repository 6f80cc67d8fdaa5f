"""Where the store is, said without the password that may stand in its address."""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from harness.store_errors import StoreError

SERVERS: Final = ("http://", "https://")
FILES: Final = "sqlite"  # their addresses hold a path, and no password
DATABASES: Final = (FILES, "postgresql", "mysql", "mssql")

_UP_TO_PATH: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s\\]*", re.IGNORECASE)


def refuse_unencoded(address: str) -> None:
    """Raise StoreError where user and password cannot be told from the rest; it does not repeat the address."""
    if address.startswith(FILES):
        return
    begun = _UP_TO_PATH.match(address)
    if "@" in address[begun.end() if begun else 0 :] or re.search(r"\s", address):
        raise _unreadable()


def without_credentials(server: str) -> str:
    """The address of a server alone. User and password go to where MLflow looks for them, which no message shows.

    Raises StoreError where they cannot be read.
    """
    refuse_unencoded(server)
    try:
        parts = urlsplit(server)
    except ValueError:  # whose words may hold the password
        raise _unreadable() from None
    if parts.username is None:
        return server
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username)
    os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password or "")
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _unreadable() -> StoreError:
    return StoreError(
        "MLFLOW_TRACKING_URI cannot be read; percent-encode what is special in user, password and path: "
        "'/' is %2F, '#' is %23, '?' is %3F, '@' is %40, '[' is %5B, a space is %20"
    )
