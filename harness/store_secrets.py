"""What may stand in the address of a store, and in no word of ours."""

from __future__ import annotations

import re
from typing import Final

_CREDENTIALS: Final = re.compile(r"://[^/\s]*@")
_SECRET: Final = re.compile(
    r"([?&][\w.-]*(?:passw|passphrase|pwd|token|secret|credential|api_?key|odbc_connect)[\w.-]*=)[^&\s]*", re.IGNORECASE
)


def redacted(text: str) -> str:
    """The text with *** in place of what addresses hold of users, passwords and tokens."""
    return _SECRET.sub(r"\1***", _CREDENTIALS.sub("://***@", text))
