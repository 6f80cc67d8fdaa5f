"""Calls of a group of Ray actors that work in step, and what they fail with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ray

from harness.engines.base.errors import EngineError, EngineLost, node_lost, said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE: Final = 60.0  # seconds, in which the others may fail too


class RankGroup:
    """The ranks of a learner, by number.

    Where one of them fails and the others do not, these wait for it for ever: then all are ended. After an error that
    a rank raised, start ranks anew, unless every one raised it.
    """

    def __init__(self, ranks: Sequence[Any]) -> None:
        self._ranks = tuple(ranks)

    def __len__(self) -> int:
        return len(self._ranks)

    def start(self, method: str, *same: Any, each: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        """Call a method of all ranks, with arguments of their own before the common ones, and do not wait."""
        own = each or [()] * len(self._ranks)
        return [getattr(rank, method).remote(*mine, *same) for rank, mine in zip(self._ranks, own, strict=True)]

    def call(self, method: str, *same: Any, each: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        """The same, and wait for what they say.

        Raises their own errors, EngineError where one has died, and EngineLost where its node has.
        """
        return self.wait(self.start(method, *same, each=each))

    def wait(self, calls: Sequence[Any]) -> list[Any]:
        """What the calls gave, by rank."""
        try:
            return list(ray.get(list(calls)))
        except ray.exceptions.RayError as error:
            raise self._explained(calls, error) from error

    def _explained(self, calls: Sequence[Any], first: Exception) -> Exception:
        """The error of the rank that died, if any, since the others fail for want of it."""
        _, waiting = ray.wait(list(calls), num_returns=len(calls), timeout=PATIENCE)
        failures = {rank: error for rank, call in enumerate(calls) if (error := _failure(call))}
        dead = {rank: error for rank, error in failures.items() if not isinstance(error, ray.exceptions.RayTaskError)}
        if waiting or dead:
            self._end()
        if dead:
            return _death(dead, len(calls))
        found = next(iter(failures.values()), first)
        return found.cause if isinstance(found, ray.exceptions.RayTaskError) else found

    def _end(self) -> None:
        for rank in self._ranks:
            ray.kill(rank)


def _death(dead: Mapping[int, Exception], count: int) -> EngineError:
    """Of the rank whose node is gone, if there is one: the others may have died of that."""
    rank = next((rank for rank, error in dead.items() if node_lost(error)), next(iter(dead)))
    kind = EngineLost if node_lost(dead[rank]) else EngineError
    name = f"rank {rank} of {count} of the DeepSpeed learner"
    return kind(f"{name} died: {said(dead[rank])}; the run goes on from its newest checkpoint")


def _failure(call: Any) -> Exception | None:
    try:
        ray.get(call, timeout=0)
    except ray.exceptions.GetTimeoutError:
        return None
    except ray.exceptions.RayError as error:
        return error  # type: ignore[no-any-return]
    return None
