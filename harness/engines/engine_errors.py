"""What an engine that runs in a process of its own fails with."""

from __future__ import annotations

from typing import Final

_LONGEST: Final = 300  # characters of another's message


class EngineError(RuntimeError):
    """An engine that died or refused: which, what it said, and the way out, in one line."""


class ParityError(RuntimeError):
    """Sampler and learner do not give the same tokens the same log-probs: by how much, why that may be, what to do."""


def said(error: BaseException) -> str:
    """What another's error says, in one line of bounded length."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."
