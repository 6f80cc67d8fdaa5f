"""Why a text is no answer; caught by the judge, never seen by a caller."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818  # not an error of the program
    """An answer that is wrong as it stands; ``reason`` is a key of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
