"""Workers with engines of their own. They outlive a run, so that engines start once a worker and not once a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ray
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from harness.engines.layout import Layout, layout
from sweeps.task import work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sweeps.events import Message
    from sweeps.plan import PlannedRun


class _Worker:
    """A process that takes one run after another; what it started for the last one is there for the next."""

    def perform(self, run: PlannedRun, folder: str) -> Iterator[Message]:
        yield from work(run, folder)


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

    def start(self, run: PlannedRun, folder: str) -> Any:
        """Ray's generator of the run's messages."""
        return self.worker.perform.options(num_returns="streaming", name=run.run_id).remote(run, folder)

    def close(self) -> None:
        """End the worker with its engines, and free the bundles."""
        ray.kill(self.worker)
        remove_placement_group(self.group)


class Slots:
    """The slots of a sweep: busy ones by their run, idle ones for the next of their layout."""

    def __init__(self) -> None:
        self._idle: list[Slot] = []
        self._busy: dict[str, Slot] = {}

    def start(self, run: PlannedRun, folder: str) -> Any:
        """Start the run in an idle slot of its layout, or in a new one for which other idle ones make room."""
        asked = layout(run.config.backend)
        slot = next((slot for slot in self._idle if slot.layout == asked), None)
        if slot is None:
            self.clear()
            slot = Slot.open(asked)
        else:
            self._idle.remove(slot)
        self._busy[run.run_id] = slot
        return slot.start(run, folder)

    def free(self, run: PlannedRun, *, whole: bool) -> None:
        """The run has ended. Its slot serves others, unless it is not ``whole``: what failed may have left anything."""
        slot = self._busy.pop(run.run_id, None)
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
