"""The batches of a run: each is sampled when its step comes, or while the update of the step before is under way."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.resample import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.stopwatch import Stopwatch
    from harness.tasks import Task


@dataclass(frozen=True, slots=True)
class Ready:
    """A batch to learn from. ``age``: steps between the weights that sampled it and those that learn from it."""

    step: int
    batch: Batch
    age: int


class Batches:
    """Draws by ``draw`` of a step, its tasks and a watch.

    ``ahead``: the next batch is begun before a step's update, by the weights that the sampler has then. ``apart``: the
    sampler has weights of its own, so that this takes no time of the step; else it happens before the update.
    ``kept`` is what ``pending`` gave when the run was saved.
    """

    def __init__(
        self,
        tasks: Iterator[tuple[int, Sequence[Task]]],
        draw: Callable[[int, Sequence[Task], Stopwatch], Batch],
        *,
        ahead: bool = False,
        apart: bool = False,
        kept: Ready | None = None,
    ) -> None:
        self._tasks, self._draw, self._ahead = tasks, draw, ahead
        self._thread = ThreadPoolExecutor(1, "sampling") if ahead and apart else None
        self._pending = None if kept is None else _done(kept)

    def take(self, watch: Stopwatch) -> Ready | None:
        """The batch of the next step; None after the last."""
        if self._pending is not None:
            ready, self._pending = self._pending.result(), None
            return ready
        coming = next(self._tasks, None)
        return None if coming is None else Ready(coming[0], self._draw(*coming, watch), 0)

    def begin(self, watch: Stopwatch) -> None:
        """Sample the batch after the one that was taken, if batches are sampled ahead."""
        coming = next(self._tasks, None) if self._ahead else None
        if coming is None:
            return
        step, tasks = coming
        if self._thread is None:
            self._pending = _done(Ready(step, self._draw(step, tasks, watch), 1))
        else:
            self._pending = self._thread.submit(lambda: Ready(step, self._draw(step, tasks, watch), 1))

    def settle(self) -> None:
        """Wait until nothing is being sampled. What failed meanwhile is raised by ``take``."""
        if self._pending is not None:
            wait([self._pending])

    @property
    def busy(self) -> bool:
        """Whether a batch is being sampled, or was, ahead of its step."""
        return self._pending is not None

    @property
    def pending(self) -> Ready | None:
        """The batch that was sampled ahead, if there is one."""
        return None if self._pending is None else self._pending.result()


def _done(ready: Ready) -> Future[Ready]:
    future: Future[Ready] = Future()
    future.set_result(ready)
    return future
