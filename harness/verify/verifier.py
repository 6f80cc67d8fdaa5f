"""Right or wrong, whatever the response holds. ``shared()`` is the one that a process keeps."""

from __future__ import annotations

from collections.abc import Sequence

from harness.verify.verdict import Gold, Verdict


class Verifier:
    """Judges responses; expressions in killable processes that start when first needed."""

    def __init__(self, processes: int = 1) -> None: ...

    def verify(self, pairs: Sequence[tuple[Gold, str]]) -> list[Verdict]:
        """Verdicts in the order of (gold, response). Safe from any thread."""
        raise NotImplementedError

    def close(self) -> None:
        """End the processes."""


def shared() -> Verifier:
    """The verifier of this process, made at the first call and closed at exit."""
    raise NotImplementedError
