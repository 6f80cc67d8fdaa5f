"""Workers with engines of their own. They outlive a run, so that engines start once a worker and not once a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ray
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from harness.config.layout import Layout, layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.config.experiment import ExperimentConfig


class _Worker:
    """A process that takes one run after another; what it started for the last one is there for the next."""

    def perform(self, work: Callable[..., Iterator[Any]], given: tuple[Any, ...]) -> Iterator[Any]:
        yield from work(*given)


_WORKER: Final = ray.remote(max_restarts=0, max_task_retries=0)(_Worker)


@dataclass(slots=True)
class Slot:
    """A part of the cluster that is held for runs of one layout."""

    layout: Layout
    group: PlacementGroup
    worker: Any

    @classmethod
    def open(cls, layout: Layout) -> Slot:
        """Ask for the bundles. The worker starts as soon as all of them are free; nothing waits for it here."""
        group = placement_group(list(layout.bundles), strategy="PACK")
        place = layout.controller
        there = PlacementGroupSchedulingStrategy(group, 0, placement_group_capture_child_tasks=True)
        worker = _WORKER.options(num_cpus=0, num_gpus=place.gpus, scheduling_strategy=there).remote()
        return cls(layout, group, worker)

    def start(self, name: str, work: Callable[..., Iterator[Any]], given: tuple[Any, ...]) -> Any:
        """Ray's generator of what the work says."""
        return self.worker.perform.options(num_returns="streaming", name=name).remote(work, given)

    def close(self) -> None:
        """End the worker with its engines, and free the bundles."""
        ray.kill(self.worker)
        remove_placement_group(self.group)


class Slots:
    """The slots of a driver: busy ones by what runs there, idle ones for the next of their layout."""

    def __init__(self) -> None:
        self._idle: list[Slot] = []
        self._busy: dict[str, Slot] = {}

    def start(self, name: str, config: ExperimentConfig, work: Callable[..., Iterator[Any]], *given: Any) -> Any:
        """Start work in an idle slot of its layout, or in a new one for which other idle ones make room."""
        asked = layout(config.backend)
        slot = next((slot for slot in self._idle if slot.layout == asked), None)
        if slot is None:
            self.clear()
            slot = Slot.open(asked)
        else:
            self._idle.remove(slot)
        self._busy[name] = slot
        return slot.start(name, work, given)

    def free(self, name: str, *, whole: bool) -> None:
        """It has ended. Its slot serves others, unless it is not ``whole``: what failed may have left anything."""
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
        """Close all slots, whatever runs there."""
        self.clear()
        while self._busy:
            self._busy.popitem()[1].close()


def has_engines(config: ExperimentConfig) -> bool:
    """Whether engines stand beside the process of a run."""
    return bool(config.backend.vllm or config.backend.deepspeed)
