"""What DeepSpeed 0.19 keeps of models that are gone, in variables of its modules. Only ranks import this."""

from __future__ import annotations

from inspect import getclosurevars
from typing import Final

import torch
from deepspeed.runtime.zero.parameter_offload import FWD_MODULE_STACK
from deepspeed.runtime.zero.partition_parameters import InsertPostInitMethodToModuleSubClasses
from deepspeed.runtime.zero.partitioned_param_coordinator import PartitionedParameterCoordinator

_REMEMBERING: Final = "_PartitionedParameterCoordinator__params_to_release"  # a method with a cache for all instances


def forget_models() -> None:
    """Let go of every model of ZeRO-3 that this process has had, the ones in use included: call it between runs.

    Linear layers, which ZeRO-3 replaces in all of PyTorch, are put back.
    """
    FWD_MODULE_STACK.clear()
    getclosurevars(getattr(PartitionedParameterCoordinator, _REMEMBERING)).nonlocals["func"].cache_clear()
    usual = getattr(InsertPostInitMethodToModuleSubClasses, "linear_bk", None)
    torch.nn.functional.linear = usual or torch.nn.functional.linear
