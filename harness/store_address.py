"""Where the store is, said without the password that may stand in its address."""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

SERVERS: Final = ("http://", "https://")
DATABASES: Final = ("sqlite", "postgresql", "mysql", "mssql")

_CREDENTIALS: Final = re.compile(r"://[^/\s]*@")


def redacted(text: str) -> str:
    """The text with *** in place of users and passwords in addresses."""
    return _CREDENTIALS.sub("://***@", text)


def without_credentials(server: str) -> str:
    """The address of a server alone. User and password go to where MLflow looks for them, which no message shows."""
    parts = urlsplit(server)
    if parts.username is None:
        return server
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username)
    os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password or "")
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
