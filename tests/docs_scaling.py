"""The tables of docs/evidence/scaling.md: memory and time of the paper's models on GPUs, as the cost model has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.config.experiment import load_config
from sweeps.cost.gpu import GpuCost, gpu_cost
from sweeps.cost.inputs import parse_cluster
from sweeps.plan.estimate import RunSpeed
from tests.markdown import code, table

GB: Final = 1e9
PAPER: Final = ("rollout=8k", "optim=paper", "eval=paper", "data=math_hard", "steps=500", "preset=grpo")
ROWS: Final = (
    ("qwen3_0_6b_base", "gpu_small", "1xH100", ""),
    ("qwen3_4b_base", "gpu", "8xH100", ""),
    ("qwen3_4b", "gpu", "8xH100", ""),
    ("qwen3_8b_base", "gpu", "8xH100", ""),
    ("qwen3_8b", "gpu", "8xH100", ""),
    ("qwen3_8b", "gpu", "8xH100", "+tricks.kl_loss={}"),
    ("qwen3_8b", "gpu", "8xH100", "backend.deepspeed.zero_stage=2"),
    ("qwen3_8b", "gpu", "8xH100", "backend.deepspeed.offload=true"),
    ("qwen3_8b_base", "gpu", "8xA6000", ""),
    ("qwen3_8b_base", "gpu", "8xA6000", "backend.vllm.gpu_memory=0.5"),
)
_TIMED: Final = tuple(row for row in ROWS if row[3] in {"", "backend.vllm.gpu_memory=0.5"})  # the others take as long
Row = tuple[str, str, str, str]
_NOTHING_RECORDED: Final = RunSpeed.of([]).lengths


def scaling_memory() -> Iterator[str]:
    """Gigabytes of one GPU."""
    titles = (
        "model",
        "GPUs",
        "changed",
        "states",
        "activations",
        "training, at most",
        "sampler",
        "sampling, at most",
        "fits",
    )
    yield from table(titles, [(*_names(row), code(row[3]), *_memory(_cost(row))) for row in ROWS])


def scaling_steps() -> Iterator[str]:
    """Seconds of a step and hours of a run, where it fits."""
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
    yield from table(titles, [(*_names(row), *_times(cost)) for row in _TIMED if not (cost := _cost(row)).unfit])


def _cost(row: Row) -> GpuCost:
    model, backend, cluster, changed = row
    config = load_config(f"model={model}", f"backend={backend}", *PAPER, *filter(None, [changed]))
    cost = gpu_cost(config, parse_cluster(cluster), _NOTHING_RECORDED)
    assert cost is not None
    return cost


def _names(row: Row) -> tuple[str, str]:
    model, _, cluster, _ = row
    return load_config(f"model={model}").model.path.rpartition("/")[2], cluster


def _memory(cost: GpuCost) -> tuple[str, ...]:
    held = cost.memory
    sizes = (held.states + held.reference, held.activations, held.training, held.sampler, held.sampling)
    return (*(f"{size / GB:.0f}" for size in sizes), f"no; {cost.instead[0]} would" if cost.unfit else "yes")


def _times(cost: GpuCost) -> tuple[str, ...]:
    step = cost.step
    phases = (step.generation, step.log_probs, step.update, step.sync, step.seconds)
    return (f"{cost.length:,.0f} tokens", *(f"{seconds:.1f}" for seconds in phases), f"{cost.seconds / 3600:.0f}")
