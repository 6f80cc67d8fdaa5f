"""Queue the rollout batches of a run, and save those that were not trained on."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, fields
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, TypeVar

from harness.common.schema import read_json
from harness.engines.base.optimizer_state import load_tensors, save_tensors
from harness.engines.base.protocols import Samples
from harness.rollouts.generate import SampledBatch, VerifiedRollouts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.common.timing import Stopwatch
    from harness.rollouts.generate import Task


T = TypeVar("T")


class CountingIterator(Iterator[T]):
    """Counts the items that were taken from it."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items, self.taken = iter(items), 0

    def __next__(self) -> T:
        item = next(self._items)
        self.taken += 1
        return item

    def peek(self, items: int) -> list[T]:
        """The next items, which stay and are not counted."""
        coming = list(islice(self._items, items))
        self._items = chain(coming, self._items)
        return coming

    def skip(self, items: int) -> None:
        """Take so many items and drop them."""
        deque(islice(self, items), maxlen=0)


_TENSORS: Final = "batch.safetensors"
_WORDS: Final = "batch.json"
_VERDICTS: Final = ("right", "formatted", "undecided")
_CREDIT: Final = "credit"  # of a reward function alone


@dataclass(frozen=True, slots=True)
class _Words:
    """What is not a tensor."""

    step: int
    age: int
    metrics: dict[str, float]
    texts: tuple[str, ...] | None  # None: no group was accepted


def save_batch(ready: RolloutBatch, folder: Path) -> None:
    """Write it as safetensors and JSON."""
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
    """What ``save_batch`` wrote; None where it wrote nothing."""
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
    """A batch to learn from. ``age``: steps between the weights that sampled it and those that learn from it."""

    step: int
    batch: SampledBatch
    age: int


class RolloutQueue:
    """Draws by ``draw`` of a step, its tasks and a watch.

    ``ahead``: the next batch is begun before a step's update, by the weights that the sampler has then. ``apart``: the
    sampler has weights of its own, so that this takes no time of the step; else it happens before the update.
    ``kept`` is what ``pending`` gave when the run was saved.
    """

    def __init__(
        self,
        tasks: Iterator[tuple[int, Sequence[Task]]],
        draw: Callable[[int, Sequence[Task], Stopwatch], SampledBatch],
        *,
        ahead: bool = False,
        apart: bool = False,
        kept: RolloutBatch | None = None,
    ) -> None:
        self._tasks, self._draw, self._ahead = tasks, draw, ahead
        self._thread = ThreadPoolExecutor(1, "sampling") if ahead and apart else None
        self._pending = None if kept is None else _done(kept)

    def take(self, watch: Stopwatch) -> RolloutBatch | None:
        """The batch of the next step; None after the last."""
        if self._pending is not None:
            ready, self._pending = self._pending.result(), None
            return ready
        coming = next(self._tasks, None)
        return None if coming is None else RolloutBatch(coming[0], self._draw(*coming, watch), 0)

    def begin(self, watch: Stopwatch) -> None:
        """Sample the batch after the one that was taken, if batches are sampled ahead."""
        coming = next(self._tasks, None) if self._ahead else None
        if coming is None:
            return
        step, tasks = coming
        if self._thread is None:
            self._pending = _done(RolloutBatch(step, self._draw(step, tasks, watch), 1))
        else:
            self._pending = self._thread.submit(lambda: RolloutBatch(step, self._draw(step, tasks, watch), 1))

    def settle(self) -> None:
        """Wait until nothing is being sampled. What failed meanwhile is raised by ``take``."""
        if self._pending is not None:
            wait([self._pending])

    @property
    def busy(self) -> bool:
        """Whether a batch is being sampled, or was, ahead of its step."""
        return self._pending is not None

    @property
    def pending(self) -> RolloutBatch | None:
        """The batch that was sampled ahead, if there is one."""
        return None if self._pending is None else self._pending.result()


def _done(ready: RolloutBatch) -> Future[RolloutBatch]:
    future: Future[RolloutBatch] = Future()
    future.set_result(ready)
    return future
