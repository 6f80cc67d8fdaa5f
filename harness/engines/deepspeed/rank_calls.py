"""Calls to all ranks of a learner, and the errors with which they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ray

from harness.engines.base.errors import EngineError, EngineLost, is_node_lost, summarize_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE: Final = 60.0  # seconds to wait for errors of the other ranks


class RankGroup:
    """The ranks of a learner, by number.

    Where one rank fails, the others would wait for it forever, so all are killed. After an error that not every rank
    raised, new ranks must be started.
    """

    def __init__(self, ranks: Sequence[Any]) -> None:
        self._ranks = tuple(ranks)

    def __len__(self) -> int:
        return len(self._ranks)

    def start(self, method: str, *same: Any, each: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        """Call a method of all ranks without waiting.

        Args:
            method: Name of the method.
            same: Arguments that are the same for all ranks; they follow those of ``each``.
            each: Arguments of each rank, by number.

        Returns:
            Ray references to the results, by rank.

        """
        own = each or [()] * len(self._ranks)
        return [getattr(rank, method).remote(*mine, *same) for rank, mine in zip(self._ranks, own, strict=True)]

    def call(self, method: str, *same: Any, each: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        """Call a method of all ranks and wait for the results.

        Args:
            method: Name of the method.
            same: Arguments that are the same for all ranks; they follow those of ``each``.
            each: Arguments of each rank, by number.

        Returns:
            The results, by rank.

        Raises:
            EngineError: A rank has died.
            EngineLost: A rank's node has died.

        """
        return self.wait(self.start(method, *same, each=each))

    def wait(self, calls: Sequence[Any]) -> list[Any]:
        """Return the results of the calls, by rank. Raises the same errors as ``call``."""
        try:
            return list(ray.get(list(calls)))
        except ray.exceptions.RayError as error:
            raise self._explained(calls, error) from error

    def _explained(self, calls: Sequence[Any], first: Exception) -> Exception:
        """Return the error of the rank that died, if any: the others fail because of it."""
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
    """Return the error of a dead rank.

    A rank whose node is gone comes first, because other ranks may have died of that.
    """
    rank = next((rank for rank, error in dead.items() if is_node_lost(error)), next(iter(dead)))
    kind = EngineLost if is_node_lost(dead[rank]) else EngineError
    name = f"rank {rank} of {count} of the DeepSpeed learner"
    return kind(f"{name} died: {summarize_error(dead[rank])}; the run resumes from its newest checkpoint")


def _failure(call: Any) -> Exception | None:
    try:
        ray.get(call, timeout=0)
    except ray.exceptions.GetTimeoutError:
        return None
    except ray.exceptions.RayError as error:
        return error  # type: ignore[no-any-return]
    return None
