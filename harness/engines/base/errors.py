"""Errors of engines that run in processes of their own."""

from __future__ import annotations

from typing import Final

_LONGEST: Final = 300  # characters of another's message
_ITS_NODE_DIED: Final = "its node has died"  # what Ray says of an actor that died of it


class EngineError(RuntimeError):
    """An engine that died or refused: which, what it said, and the way out, in one line."""


class EngineLost(EngineError):  # noqa: N818 - no error of the run
    """An engine or a rank that its node took with it, or that is out of reach: nothing that the run has done."""


class ParityError(RuntimeError):
    """Sampler and learner do not give the same tokens the same log-probs: by how much, why that may be, what to do."""


def node_lost(error: BaseException) -> bool:
    """Whether an error of Ray's says that a node is gone, with what was on it.

    An actor on another node is unavailable until Ray knows that the node has died. The death of a process on a node
    that lives is known at once, and no loss.
    """
    from ray import exceptions  # noqa: PLC0415 - a run on PyTorch's engines has none

    if isinstance(error, exceptions.RayActorError):
        return isinstance(error, exceptions.ActorUnavailableError) or _ITS_NODE_DIED in str(error)
    return isinstance(error, exceptions.NodeDiedError | exceptions.ObjectLostError)


def said(error: BaseException) -> str:
    """What another's error says, in one line of bounded length."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."
