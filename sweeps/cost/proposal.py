"""Another way to run what does not fit: whether it does, and how to ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeps.cost.hardware import Cluster
from sweeps.cost.memory import memory, unfit
from sweeps.cost.setup import Asked, setup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sweeps.cost.models import ModelShape


@dataclass(frozen=True, slots=True)
class Other:
    """Other settings, other GPUs, or both."""

    cluster: Cluster
    wanted: Asked

    def fits(self, model: ModelShape) -> bool:
        """Whether it holds the model."""
        set_up = setup(model, self.cluster, self.wanted)
        held = memory(model, self.cluster, self.wanted.tokens, self.wanted.recompute, set_up)
        return unfit(held, self.wanted.longest) is None

    def words(self, part: Cluster, said: Asked) -> str:
        """The GPUs, where they are not those of ``part``, and the settings that differ from the run's own."""
        changes = ", ".join(_changes(said, self.wanted))
        if self.cluster == part:
            return changes
        return f"{self.cluster} with {changes}" if changes else str(self.cluster)


def _changes(said: Asked, other: Asked) -> Iterator[str]:
    old, new = _named(said), _named(other)
    yield from (f"{name}={value}" for name, value in new.items() if value != old[name])


def _named(wanted: Asked) -> dict[str, str]:
    """What can differ, as it is written on the command line."""
    backend, engines, ranks = wanted.backend, wanted.backend.vllm, wanted.backend.deepspeed
    named: dict[str, object] = {
        "optim.gradient_checkpointing": str(wanted.recompute).lower(),
        "optim.micro_batch_tokens": wanted.micro_batch,
        "backend.num_gpus": f"{backend.num_gpus:g}",
        "backend.colocated": str(backend.colocated).lower(),
    }
    if engines:
        named |= {
            "backend.vllm.engines": engines.engines,
            "backend.vllm.tensor_parallel": engines.tensor_parallel,
            "backend.vllm.gpu_memory": f"{engines.gpu_memory:g}",
        }
    if ranks:
        named |= {
            "backend.deepspeed.ranks": ranks.ranks,
            "backend.deepspeed.zero_stage": ranks.zero_stage,
            "backend.deepspeed.offload": str(ranks.offload).lower(),
        }
    return {name: str(value) for name, value in named.items()}
