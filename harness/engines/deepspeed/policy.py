"""A model under DeepSpeed in the process of one rank, and the start of DeepSpeed there.

Only rank processes import this module, after setting their environment.
"""

from __future__ import annotations

import gc
import logging
import math
import os
import socket
import warnings
from inspect import getclosurevars
from typing import TYPE_CHECKING, Any, Final

import deepspeed
import psutil
import torch
from deepspeed.runtime.zero.parameter_offload import FWD_MODULE_STACK
from deepspeed.runtime.zero.partition_parameters import InsertPostInitMethodToModuleSubClasses
from deepspeed.runtime.zero.partitioned_param_coordinator import PartitionedParameterCoordinator
from torch.distributed import TCPStore, init_process_group, is_initialized  # type: ignore[attr-defined]

from harness.common import keep_freed_memory
from harness.engines.base import refuse_norm
from harness.engines.deepspeed.settings import build_reference_settings, build_training_settings
from harness.engines.torch import score_sequences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from harness.config import ExperimentConfig
    from harness.engines.base import Sequences


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


_REMEMBERING: Final = (
    "_PartitionedParameterCoordinator__params_to_release"  # a method whose cache is shared by all instances
)


def release_cached_models() -> None:
    """Release every ZeRO-3 model of this process, including those in use; call it between runs.

    ZeRO-3 replaces ``torch.nn.functional.linear`` globally; the original function is restored.
    """
    FWD_MODULE_STACK.clear()
    getclosurevars(getattr(PartitionedParameterCoordinator, _REMEMBERING)).nonlocals["func"].cache_clear()
    usual = getattr(InsertPostInitMethodToModuleSubClasses, "linear_bk", None)
    torch.nn.functional.linear = usual or torch.nn.functional.linear


GATHERED_BYTES: Final = 1 << 28  # of weights that a rank gathers at a time during a weight sync


class DeepspeedPolicy:
    """Policy of one rank: it trains its partition of the model and scores with the whole model.

    All ranks must call the same methods in the same order.
    """

    def __init__(self, model: Any, config: ExperimentConfig, ranks: int) -> None:
        assert config.backend.deepspeed is not None
        self._config, self._optim, self._ranks = config, config.optim, ranks
        self.stage, self._model = config.backend.deepspeed.zero_stage, model
        self._reference: Any = None
        count = sum(weight.numel() for weight in model.parameters())
        scoring = _Scoring(model, config, recompute=config.optim.gradient_checkpointing)
        self.engine = _initialized(scoring, build_training_settings(config, count, _hidden(model)), self._adam(model))

    def set_reference(self, model: Any) -> None:
        """Use a model as the reference: frozen, and partitioned over the ranks at ZeRO stage 3."""
        scoring = _Scoring(model.requires_grad_(False), self._config)
        told = build_reference_settings(self._config, _hidden(model))
        self._reference = _initialized(scoring, told) if self.stage == 3 else scoring.to(self.engine.device)

    def score(self, sequences: Sequence[Sequences]) -> tuple[Tensor, Tensor]:
        """Return log-probabilities and entropies (M,) of the response tokens, sequence by sequence."""
        return _call(self.engine, sequences, self.engine.device)

    @torch.no_grad()
    def reference_score(self, sequences: Sequence[Sequences]) -> Tensor:
        """Return log-probabilities (M,) under the reference model."""
        return _call(self._reference, sequences, self.engine.device)[0]

    def backward(self, loss: Tensor, *, last: bool) -> None:
        """Accumulate the gradient of a part of an update's loss; ``last`` marks the final part.

        The losses of all parts and ranks sum to the update's loss. DeepSpeed averages over ranks, so the loss is
        multiplied by their number here and nowhere else.
        """
        self.engine.set_gradient_accumulation_boundary(last)
        self.engine.backward(loss * self._ranks)

    def optimizer_step(self, lr: float) -> float:
        """Take an optimizer step and return the gradient norm before clipping.

        The norm is of the sum of all gradients since the last step. Raises Diverged where it is not finite.
        """
        norm = self._clipped() if self.stage == 0 else None
        for group in self.engine.basic_optimizer.param_groups:
            group["lr"] = lr
        self.engine.step()
        if norm is None:
            norm = float(self.engine.get_global_grad_norm())
            refuse_norm(norm if self.engine.was_step_applied() and norm >= 0 else math.nan)
        return norm

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the named parameters.

        Under ZeRO-3 only few parameters are whole at a time: use each before asking for the next.
        """
        named = [(name, weight.detach()) for name, weight in self._model.named_parameters()] if self.stage < 3 else []
        yield from named
        for bucket in _buckets(self._model) if self.stage == 3 else ():
            with deepspeed.zero.GatheredParameters([weight for _, weight in bucket]):
                yield from ((name, weight.detach()) for name, weight in bucket)

    def shapes(self) -> Iterator[tuple[str, torch.dtype, tuple[int, ...]]]:
        """Yield name, type and shape of the same parameters in order, without gathering them."""
        for name, weight in self._model.named_parameters():
            yield name, weight.dtype, tuple(getattr(weight, "ds_shape", weight.shape))

    def close(self) -> None:
        """Free all memory of the policy."""
        for engine in (self.engine, self._reference):
            if isinstance(engine, deepspeed.DeepSpeedEngine):
                engine.destroy()
        release_cached_models()
        self.engine = self._reference = self._model = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _adam(self, model: Any) -> torch.optim.Optimizer:
        optim = self._optim
        return torch.optim.AdamW(
            model.parameters(), lr=optim.lr, betas=optim.betas, weight_decay=optim.weight_decay, fused=True
        )

    def _clipped(self) -> float:
        norm = torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._optim.max_grad_norm).item()
        refuse_norm(norm)
        return norm


class _Scoring(torch.nn.Module):
    """Module whose forward pass scores sampled tokens; DeepSpeed attaches its hooks to it."""

    def __init__(self, model: Any, config: ExperimentConfig, *, recompute: bool = False) -> None:
        super().__init__()
        self.model, self._temperature, self._recompute = model, config.rollout.temperature, recompute
        self._entropy_grad = "entropies" in config.update_rule().needs

    def forward(self, sequences: Sequence[Sequences]) -> tuple[Tensor, Tensor]:
        """Return log-probabilities and entropies (M,)."""
        parts = [
            score_sequences(
                self.model, part, self._temperature, entropy_grad=self._entropy_grad, recompute=self._recompute
            )
            for part in sequences
        ]
        return torch.cat([part.log_probs for part in parts]), torch.cat([part.entropy for part in parts])


def _initialized(scoring: _Scoring, settings: dict[str, Any], optimizer: torch.optim.Optimizer | None = None) -> Any:
    engine, *_ = deepspeed.initialize(model=scoring, optimizer=optimizer, config=settings)
    engine.eval()  # no dropout, so that the first ratio of a step is exactly 1
    return engine


def _call(engine: Any, sequences: Sequence[Sequences], device: torch.device) -> tuple[Tensor, Tensor]:
    log_probs, entropy = engine([part.to(device) for part in sequences])
    return log_probs.cpu(), entropy.cpu()


def _hidden(model: Any) -> int:
    return int(model.config.get_text_config(decoder=True).hidden_size)


def _buckets(model: Any) -> Iterator[list[tuple[str, Any]]]:
    """Yield partitioned parameters, in order, in groups small enough for one rank's memory."""
    bucket: list[tuple[str, Any]] = []
    held = 0
    for name, weight in model.named_parameters():
        size = weight.ds_numel * weight.element_size()
        if bucket and held + size > GATHERED_BYTES:
            yield bucket
            bucket, held = [], 0
        bucket.append((name, weight))
        held += size
    yield bucket
