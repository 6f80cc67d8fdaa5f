"""Queue of a run's rollout batches, and files of a batch that was not trained on."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, fields
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, TypeVar

from harness.common import read_json
from harness.engines.base import Samples, load_tensors, save_tensors
from harness.rollouts.generate import SampledBatch, VerifiedRollouts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.common import Stopwatch
    from harness.rollouts.generate import Task


T = TypeVar("T")


class CountingIterator(Iterator[T]):
    """Iterator that counts the items taken from it."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items, self.taken = iter(items), 0

    def __next__(self) -> T:
        item = next(self._items)
        self.taken += 1
        return item

    def peek(self, items: int) -> list[T]:
        """Return the next items without taking them."""
        coming = list(islice(self._items, items))
        self._items = chain(coming, self._items)
        return coming

    def skip(self, items: int) -> None:
        """Take ``items`` items and drop them."""
        deque(islice(self, items), maxlen=0)


_TENSORS: Final = "batch.safetensors"
_WORDS: Final = "batch.json"
_VERDICTS: Final = ("right", "formatted", "undecided")
_CREDIT: Final = "credit"  # only with a reward function


@dataclass(frozen=True, slots=True)
class _Words:
    """The parts of a batch that are not tensors."""

    step: int
    age: int
    metrics: dict[str, float]
    texts: tuple[str, ...] | None  # None: no group was accepted


def save_batch(ready: RolloutBatch, folder: Path) -> None:
    """Write a batch as safetensors and JSON."""
    drawn = ready.batch.drawn
    words = _Words(ready.step, ready.age, ready.batch.metrics, None if drawn is None else drawn.samples.texts)
    (folder / _WORDS).write_text(json.dumps(asdict(words)), encoding="utf-8")
    if drawn is not None:
        named = {name: getattr(drawn.samples, name) for name in _tensor_names()}
        of_samples = {name: tensor for name, tensor in named.items() if tensor is not None}
        verdicts = {name: getattr(drawn, name) for name in _VERDICTS}
        credit = {} if drawn.credit is None else {_CREDIT: drawn.credit}
        save_tensors({**of_samples, **verdicts, **credit}, folder / _TENSORS)


def load_batch(folder: Path) -> RolloutBatch | None:
    """Read what ``save_batch`` wrote; return None where there is no batch."""
    path = folder / _WORDS
    if not path.exists():
        return None
    words = read_json(_Words, path.read_text(encoding="utf-8"))
    drawn = None if words.texts is None else _load_rollouts(folder, words.texts)
    return RolloutBatch(words.step, SampledBatch(drawn, words.metrics), words.age)


def _load_rollouts(folder: Path, texts: tuple[str, ...]) -> VerifiedRollouts:
    tensors = load_tensors(folder / _TENSORS)
    samples = Samples(**{name: tensors[name] for name in _tensor_names() if name in tensors}, texts=texts)
    right, formatted, undecided = (tensors[name] for name in _VERDICTS)
    return VerifiedRollouts(samples, right, formatted, undecided, tensors.get(_CREDIT))


def _tensor_names() -> list[str]:
    return [field.name for field in fields(Samples) if field.name != "texts"]


@dataclass(frozen=True, slots=True)
class RolloutBatch:
    """A batch to learn from.

    ``age`` is the number of steps between the weights that sampled it and the weights that learn from it.
    """

    step: int
    batch: SampledBatch
    age: int


class RolloutQueue:
    """Queue that samples the batches of a run, on demand or one step ahead."""

    def __init__(
        self,
        tasks: Iterator[tuple[int, Sequence[Task]]],
        draw: Callable[[int, Sequence[Task], Stopwatch], SampledBatch],
        *,
        steps_ahead: bool = False,
        separate_engine: bool = False,
        resumed_state: RolloutBatch | None = None,
    ) -> None:
        """Create the queue.

        Args:
            tasks: Number and tasks of each step.
            draw: Samples a step from its number, its tasks and a stopwatch.
            steps_ahead: Whether the next batch is sampled before a step's update, with the sampler's present (stale)
                weights.
            separate_engine: Whether the sampler has separate weights, so that sampling ahead overlaps with the update;
                otherwise it runs before the update.
            resumed_state: The value of ``pending`` when the run was saved.

        """
        self._tasks, self._draw, self._steps_ahead = tasks, draw, steps_ahead
        self._thread = ThreadPoolExecutor(1, "sampling") if steps_ahead and separate_engine else None
        self._pending = None if resumed_state is None else _done(resumed_state)

    def take(self, watch: Stopwatch) -> RolloutBatch | None:
        """Return the batch of the next step; None after the last step.

        Raises the error of a batch that failed while it was sampled ahead.
        """
        if self._pending is not None:
            ready, self._pending = self._pending.result(), None
            return ready
        coming = next(self._tasks, None)
        return None if coming is None else RolloutBatch(coming[0], self._draw(*coming, watch), 0)

    def begin(self, watch: Stopwatch) -> None:
        """Start to sample the batch after the one that was taken, if batches are sampled ahead."""
        coming = next(self._tasks, None) if self._steps_ahead else None
        if coming is None:
            return
        step, tasks = coming
        if self._thread is None:
            self._pending = _done(RolloutBatch(step, self._draw(step, tasks, watch), 1))
        else:
            self._pending = self._thread.submit(lambda: RolloutBatch(step, self._draw(step, tasks, watch), 1))

    def settle(self) -> None:
        """Wait until no batch is being sampled; ``take`` raises errors."""
        if self._pending is not None:
            wait([self._pending])

    @property
    def busy(self) -> bool:
        """True if a batch is being sampled, or has been sampled, ahead of its step."""
        return self._pending is not None

    @property
    def pending(self) -> RolloutBatch | None:
        """The batch that was sampled ahead, if there is one."""
        return None if self._pending is None else self._pending.result()


def _done(ready: RolloutBatch) -> Future[RolloutBatch]:
    future: Future[RolloutBatch] = Future()
    future.set_result(ready)
    return future
