"""Workers that keep their engines between runs, so that engines start once per worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ray
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from harness.config import Layout, plan_layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.config import ExperimentConfig


class _Worker:
    """A process that executes one run after another and keeps its engines between them."""

    def perform(self, work: Callable[..., Iterator[Any]], given: tuple[Any, ...]) -> Iterator[Any]:
        yield from work(*given)


_WORKER: Final = ray.remote(max_restarts=0, max_task_retries=0)(_Worker)


@dataclass(slots=True)
class Slot:
    """A part of the cluster that is reserved for runs of one layout."""

    layout: Layout
    group: PlacementGroup
    worker: Any

    @classmethod
    def open(cls, layout: Layout) -> Slot:
        """Reserve the bundles without waiting; the worker starts when all of them are free."""
        group = placement_group(list(layout.bundles), strategy="PACK")
        place = layout.controller
        there = PlacementGroupSchedulingStrategy(group, 0, placement_group_capture_child_tasks=True)
        worker = _WORKER.options(num_cpus=0, num_gpus=place.gpus, scheduling_strategy=there).remote()
        return cls(layout, group, worker)

    def start(self, name: str, work: Callable[..., Iterator[Any]], given: tuple[Any, ...]) -> Any:
        """Start work on the worker.

        Args:
            name: the name of the task in Ray
            work: a generator function
            given: its arguments

        Returns:
            Ray's generator of the messages.

        """
        return self.worker.perform.options(num_returns="streaming", name=name).remote(work, given)

    def close(self) -> None:
        """Kill the worker with its engines, and free the bundles."""
        ray.kill(self.worker)
        remove_placement_group(self.group)


class Slots:
    """The slots of a driver: busy ones by the name of their work, and idle ones."""

    def __init__(self) -> None:
        self._idle: list[Slot] = []
        self._busy: dict[str, Slot] = {}

    def start(self, name: str, config: ExperimentConfig, work: Callable[..., Iterator[Any]], *given: Any) -> Any:
        """Start work in an idle slot of its layout, or in a new one after closing the idle ones.

        Args:
            name: the name of the work
            config: the config whose backend gives the layout
            work: a generator function
            given: its arguments

        Returns:
            Ray's generator of the messages.

        """
        asked = plan_layout(config.backend)
        slot = next((slot for slot in self._idle if slot.layout == asked), None)
        if slot is None:
            self.clear()
            slot = Slot.open(asked)
        else:
            self._idle.remove(slot)
        self._busy[name] = slot
        return slot.start(name, work, given)

    def free(self, name: str, *, whole: bool) -> None:
        """Free the slot of work that has ended.

        Other work may use it, unless it is not ``whole``: a failed run may have left it in any state.
        """
        slot = self._busy.pop(name, None)
        if slot is None:
            return
        if whole:
            self._idle.append(slot)
        else:
            slot.close()

    def clear(self) -> None:
        """Close the idle slots."""
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        """Close all slots, including busy ones."""
        self.clear()
        while self._busy:
            self._busy.popitem()[1].close()


def has_engines(config: ExperimentConfig) -> bool:
    """Return True if a run has engines outside its own process."""
    return bool(config.backend.vllm or config.backend.deepspeed)
