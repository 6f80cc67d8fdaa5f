"""The state of one rank's learner on disk: FP32 weights and the moments of AdamW.

The module does not import DeepSpeed, so it can be read and tested where DeepSpeed is not installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from harness.engines.base.optimizer_state import load_tensors, save_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from harness.engines.deepspeed.policy import DeepspeedPolicy


def save_rank_state(policy: DeepspeedPolicy, path: Path) -> None:
    """Write what the rank's later updates depend on.

    Half-precision weights are not written, because they follow from the float32 weights.
    """
    save_tensors(_tensors(policy.engine, policy.stage), path)


@torch.no_grad()
def restore_rank_state(policy: DeepspeedPolicy, path: Path) -> None:
    """Restore what ``save_rank_state`` wrote, in place, and distribute the weights to all ranks."""
    engine, tensors = policy.engine, load_tensors(path)
    for index, master in enumerate(_masters(engine, policy.stage)):
        master.copy_(tensors.pop(f"master/{index}"))
        state = {name: tensors.pop(f"{name}/{index}") for name in _moments(tensors, index)}
        if state:
            engine.basic_optimizer.state[master] = {name: part.to(master.device) for name, part in state.items()}
    _hand_over(engine.optimizer, policy.stage)


def _tensors(engine: Any, stage: int) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for index, master in enumerate(_masters(engine, stage)):
        found[f"master/{index}"] = master.detach()
        state = engine.basic_optimizer.state.get(master, {})
        found |= {f"{name}/{index}": part for name, part in state.items()}
    return found


def _masters(engine: Any, stage: int) -> list[Tensor]:
    """Return what this rank's optimizer trains: flat partitions, or the parameters at stage 0."""
    if stage == 3:
        return list(engine.optimizer.fp32_partitioned_groups_flat)
    return [master for group in engine.basic_optimizer.param_groups for master in group["params"]]


def _moments(tensors: dict[str, Tensor], index: int) -> list[str]:
    """Return the names of a master's optimizer states; there are none before the first update."""
    return [name.removesuffix(f"/{index}") for name in tensors if name.endswith(f"/{index}")]


def _hand_over(optimizer: Any, stage: int) -> None:
    """Update the model's weights from the masters.

    The order of the calls is the one in which DeepSpeed 0.19 ends a step.
    """
    if stage in {1, 2}:
        optimizer.update_lp_params()
    if stage == 3:
        optimizer._partition_all_parameters()
        for group in range(len(optimizer.fp16_groups)):
            optimizer._reassign_or_swap_out_partitioned_parameters(group)
        optimizer._post_step(set())
