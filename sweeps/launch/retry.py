"""Decide which failures count against a run and which are retried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import ray
from ray.exceptions import RayActorError, RayTaskError, WorkerCrashedError

from harness.common.signals import Preempted
from harness.engines.base.errors import EngineLost, node_lost
from harness.records.failures import cause, reason
from sweeps.launch.events import ATTEMPTS

LOSSES: Final = 10  # of one run: nodes that come and go for ever end a sweep too


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a run has ended without a record."""

    failures: int = 0  # its own
    losses: int = 0

    def after(self, lost: bool) -> Attempts:
        """One more."""
        return replace(self, losses=self.losses + 1) if lost else replace(self, failures=self.failures + 1)

    @property
    def over(self) -> bool:
        """Whether it is not tried again."""
        return self.failures >= ATTEMPTS or self.losses >= LOSSES


def diverged(error: Exception) -> bool:
    """Tell whether a run failed for a reason of its arm; repeating it until it does not selects among its outcomes."""
    return reason(cause(_own(error))) == "arm"


def is_node_failure(error: Exception, node: str) -> bool:
    """Whether an attempt ended because a node did. ``node``: Ray's id of the one that it ran on, "" if unknown."""
    error = _own(error)
    if isinstance(error, Preempted | EngineLost) or node_lost(error):
        return True
    return isinstance(error, WorkerCrashedError | RayActorError) and _dead(node)


def _own(error: Exception) -> Exception:
    """The error that a run raised, without the errors of Ray's that brought it here."""
    while isinstance(error, RayTaskError) and isinstance(error.cause, Exception):
        error = error.cause
    return error


def _dead(node: str) -> bool:
    return any(known["NodeID"] == node and not known["Alive"] for known in ray.nodes())
