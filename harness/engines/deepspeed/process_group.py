"""Start of DeepSpeed in a process.

Only rank processes import this module, after setting their environment.
"""

from __future__ import annotations

import logging
import os
import socket
import warnings
from typing import Final

import deepspeed
import psutil
from torch.distributed import TCPStore, init_process_group, is_initialized  # type: ignore[attr-defined]

from harness.common.resources import keep_freed_memory

_COMPILED_AT_START: Final = "deepspeed_shm_comm"  # needs a compiler and a minute, and leaks 66 MiB of /dev/shm


def join_process_group(rank: int, ranks: int, host: str, port: int, *, here: str, on_gpu: bool) -> None:
    """Join the process group of all ranks; do nothing in a process that has joined already.

    Args:
        rank: Number of this rank.
        ranks: Number of ranks.
        host: Address of the first rank.
        port: Port of the first rank.
        here: Address of this rank's node.
        on_gpu: Whether the ranks communicate by NCCL; otherwise by Gloo.

    """
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.distributed")
    if not on_gpu:
        deepspeed.ops.__compatible_ops__[_COMPILED_AT_START] = False
        keep_freed_memory()
    if not is_initialized():
        os.environ.setdefault("GLOO_SOCKET_IFNAME", _interface(here))
        backend, store = "nccl" if on_gpu else "gloo", _store(rank, ranks, host, port)
        init_process_group(backend, store=store, rank=rank, world_size=ranks)
        deepspeed.init_distributed(dist_backend=backend, auto_mpi_discovery=False)


def _store(rank: int, ranks: int, host: str, port: int) -> TCPStore:
    """Return the store through which ranks find each other.

    By default PyTorch would listen on every network of the node.
    """
    listening = socket.create_server((host, port)).detach() if rank == 0 else None
    return TCPStore(host, port, ranks, rank == 0, master_listen_fd=listening, wait_for_workers=False)


def _interface(address: str) -> str:
    """Return the name of the network interface with this address."""
    return next(
        name
        for name, addresses in psutil.net_if_addrs().items()
        if any(found.address == address for found in addresses)
    )
