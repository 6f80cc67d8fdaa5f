"""DeepSpeed's first moments in a process. Only processes of ranks import this, with their environment in place."""

from __future__ import annotations

import logging
import warnings
from typing import Final

import deepspeed

from harness.engines.memory import keep_freed_memory

_COMPILED_AT_START: Final = "deepspeed_shm_comm"  # takes a compiler, a minute, and 66 MiB of /dev/shm that stay behind


def meet(*, on_gpu: bool) -> None:
    """Join the other ranks; where that has happened, do nothing."""
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.distributed")
    if not on_gpu:
        deepspeed.ops.__compatible_ops__[_COMPILED_AT_START] = False
        keep_freed_memory()
    deepspeed.init_distributed(dist_backend="nccl" if on_gpu else "gloo", auto_mpi_discovery=False)
