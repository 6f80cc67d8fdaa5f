"""Decide which failures count against a run and which are retried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import ray
from ray.exceptions import RayActorError, RayTaskError, WorkerCrashedError

from harness.common import Preempted
from harness.engines.base import EngineLost, is_node_lost
from harness.records import classify_failure, describe_error
from sweeps.launch.events import MAX_ATTEMPTS

MAX_LOSSES: Final = 10  # lost nodes of one run; so unstable nodes cannot prolong a sweep forever


@dataclass(frozen=True, slots=True)
class Attempts:
    """The number of times that a run has ended without a record."""

    failures: int = 0  # failures of the run itself
    losses: int = 0

    def after(self, lost: bool) -> Attempts:
        """Return the attempts after one more failure or lost node."""
        return replace(self, losses=self.losses + 1) if lost else replace(self, failures=self.failures + 1)

    @property
    def over(self) -> bool:
        """True if the run is not retried."""
        return self.failures >= MAX_ATTEMPTS or self.losses >= MAX_LOSSES


def is_arm_failure(error: Exception) -> bool:
    """Return True if a run failed for a reason of its arm.

    Repeating such a run until it succeeds would select among its outcomes.
    """
    return classify_failure(describe_error(_own(error))) == "arm"


def is_node_failure(error: Exception, node: str) -> bool:
    """Return True if an attempt ended because its node did.

    ``node`` is Ray's id of the node of the attempt, "" if unknown.
    """
    error = _own(error)
    if isinstance(error, Preempted | EngineLost) or is_node_lost(error):
        return True
    return isinstance(error, WorkerCrashedError | RayActorError) and _dead(node)


def _own(error: Exception) -> Exception:
    """Return the error that a run raised, without Ray's wrappers."""
    while isinstance(error, RayTaskError) and isinstance(error.cause, Exception):
        error = error.cause
    return error


def _dead(node: str) -> bool:
    return any(known["NodeID"] == node and not known["Alive"] for known in ray.nodes())
