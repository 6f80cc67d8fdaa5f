"""Errors of engines that run in other processes."""

from __future__ import annotations

from typing import Final

_LONGEST: Final = 300  # characters of a quoted message
_ITS_NODE_DIED: Final = "its node has died"  # Ray's words for an actor that died with its node


class EngineError(RuntimeError):
    """Error for an engine that died or refused a call.

    The message names the engine, its own error and the way out in one line.
    """


class EngineLost(EngineError):  # noqa: N818 - no error of the run
    """Error for an engine or rank whose node died or is out of reach. The run did not cause it."""


class ParityError(RuntimeError):
    """Error for a sampler and a learner that score the same tokens differently.

    The message gives the gap, likely causes and what to change.
    """


def is_node_lost(error: BaseException) -> bool:
    """Return whether an error of Ray says that a node and everything on it is gone.

    An actor on another node is only "unavailable" until Ray knows that the node has died. The death of a process on a
    live node is known immediately and does not count.
    """
    from ray import exceptions  # noqa: PLC0415 - a run on PyTorch's engines has none

    if isinstance(error, exceptions.RayActorError):
        return isinstance(error, exceptions.ActorUnavailableError) or _ITS_NODE_DIED in str(error)
    return isinstance(error, exceptions.NodeDiedError | exceptions.ObjectLostError)


def summarize_error(error: BaseException) -> str:
    """Return an error's message as one line of bounded length."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."
