"""The tables of docs/scaling.md: memory and time of the paper's models on GPUs, as the cost model has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.config import load
from sweeps.cost.gpu import GpuCost, gpu_cost
from sweeps.cost.hardware import parse_cluster
from sweeps.estimate import Speed
from tests.markdown import table

GB: Final = 1e9
PAPER: Final = ("rollout=8k", "optim=paper", "eval=paper", "data=math_hard", "steps=500", "preset=grpo")
ROWS: Final = (
    ("qwen3_0_6b_base", "gpu_small", "1xH100"),
    ("qwen3_4b_base", "gpu", "8xH100"),
    ("qwen3_4b", "gpu", "8xH100"),
    ("qwen3_8b_base", "gpu", "8xH100"),
    ("qwen3_8b", "gpu", "8xH100"),
    ("qwen3_8b_base", "gpu", "8xA6000"),
)
_NOTHING_RECORDED: Final = Speed.of([]).lengths


def scaling_memory() -> Iterator[str]:
    """Gigabytes of one GPU."""
    titles = ("model", "GPUs", "states", "activations", "training, at most", "sampler", "sampling, at most", "fits")
    yield from table(titles, [(*_names(row), *_memory(_cost(row))) for row in ROWS])


def scaling_steps() -> Iterator[str]:
    """Seconds of a step and hours of a run."""
    titles = (
        "model",
        "GPUs",
        "mean response",
        "sampling, s",
        "scoring, s",
        "updates, s",
        "sync, s",
        "step, s",
        "run, h",
    )
    yield from table(titles, [(*_names(row), *_times(_cost(row))) for row in ROWS])


def _cost(row: tuple[str, str, str]) -> GpuCost:
    model, backend, cluster = row
    cost = gpu_cost(load(f"model={model}", f"backend={backend}", *PAPER), parse_cluster(cluster), _NOTHING_RECORDED)
    assert cost is not None
    return cost


def _names(row: tuple[str, str, str]) -> tuple[str, str]:
    model, _, cluster = row
    return load(f"model={model}").model.path.rpartition("/")[2], cluster


def _memory(cost: GpuCost) -> tuple[str, ...]:
    held = cost.memory
    sizes = (held.states, held.activations, held.training, held.sampler, held.sampling)
    return (*(f"{size / GB:.0f}" for size in sizes), f"no: {cost.unfit}" if cost.unfit else "yes")


def _times(cost: GpuCost) -> tuple[str, ...]:
    step = cost.step
    phases = (step.generation, step.log_probs, step.update, step.sync, step.seconds)
    return (f"{cost.length:,.0f} tokens", *(f"{seconds:.1f}" for seconds in phases), f"{cost.seconds / 3600:.0f}")
