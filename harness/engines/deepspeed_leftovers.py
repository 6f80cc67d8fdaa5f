"""What DeepSpeed 0.19 keeps of models that are gone, in variables of its modules. Only ranks import this."""

from __future__ import annotations

from inspect import getclosurevars
from typing import Final

from deepspeed.runtime.zero.parameter_offload import FWD_MODULE_STACK
from deepspeed.runtime.zero.partitioned_param_coordinator import PartitionedParameterCoordinator

_REMEMBERING: Final = "_PartitionedParameterCoordinator__params_to_release"  # a method with a cache for all instances


def forget_models() -> None:
    """Let go of every model of ZeRO-3 that this process has had, the ones in use included: call it between runs."""
    FWD_MODULE_STACK.clear()
    getclosurevars(getattr(PartitionedParameterCoordinator, _REMEMBERING)).nonlocals["func"].cache_clear()
