"""A model under DeepSpeed in the process of one rank. Only these processes import this."""

from __future__ import annotations

import gc
import math
from inspect import getclosurevars
from typing import TYPE_CHECKING, Any, Final

import deepspeed
import torch
from deepspeed.runtime.zero.parameter_offload import FWD_MODULE_STACK
from deepspeed.runtime.zero.partition_parameters import InsertPostInitMethodToModuleSubClasses
from deepspeed.runtime.zero.partitioned_param_coordinator import PartitionedParameterCoordinator

from harness.engines.base.divergence import refuse_norm
from harness.engines.deepspeed.settings import frozen, training
from harness.engines.torch.hf_scores import score_sequences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from harness.config.experiment import ExperimentConfig
    from harness.engines.base.samples import Sequences


_REMEMBERING: Final = "_PartitionedParameterCoordinator__params_to_release"  # a method with a cache for all instances


def release_cached_models() -> None:
    """Let go of every model of ZeRO-3 that this process has had, the ones in use included: call it between runs.

    Linear layers, which ZeRO-3 replaces in all of PyTorch, are put back.
    """
    FWD_MODULE_STACK.clear()
    getclosurevars(getattr(PartitionedParameterCoordinator, _REMEMBERING)).nonlocals["func"].cache_clear()
    usual = getattr(InsertPostInitMethodToModuleSubClasses, "linear_bk", None)
    torch.nn.functional.linear = usual or torch.nn.functional.linear


GATHERED_BYTES: Final = 1 << 28  # of weights that a rank holds whole at a time while it hands them over


class DeepspeedPolicy:
    """Trains its share of a model, and scores with all of it. All ranks call the same methods in the same order."""

    def __init__(self, model: Any, config: ExperimentConfig, ranks: int) -> None:
        assert config.backend.deepspeed is not None
        self._config, self._optim, self._ranks = config, config.optim, ranks
        self.stage, self._model = config.backend.deepspeed.zero_stage, model
        self._reference: Any = None
        count = sum(weight.numel() for weight in model.parameters())
        scoring = _Scoring(model, config, recompute=config.optim.gradient_checkpointing)
        self.engine = _initialized(scoring, training(config, count, _hidden(model)), self._adam(model))

    def keep(self, model: Any) -> None:
        """Make a model the reference: frozen, and spread over the ranks where the policy is."""
        scoring = _Scoring(model.requires_grad_(False), self._config)
        told = frozen(self._config, _hidden(model))
        self._reference = _initialized(scoring, told) if self.stage == 3 else scoring.to(self.engine.device)

    def score(self, sequences: Sequence[Sequences]) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies (M,) of the response tokens of all sequences, in their order."""
        return _call(self.engine, sequences, self.engine.device)

    @torch.no_grad()
    def reference_score(self, sequences: Sequence[Sequences]) -> Tensor:
        """Log-probabilities (M,) under the weights that the rank began with."""
        return _call(self._reference, sequences, self.engine.device)[0]

    def backward(self, loss: Tensor, *, last: bool) -> None:
        """Add the gradient of a part of an update's loss, the ``last`` of it or not.

        Losses of all parts and all ranks add up to the update's. DeepSpeed takes the mean over ranks instead of the
        sum; this is the one place where that is set right.
        """
        self.engine.set_gradient_accumulation_boundary(last)
        self.engine.backward(loss * self._ranks)

    def descend(self, lr: float) -> float:
        """Take the step that all gradients since the last one ask for; the norm of their sum before it was clipped.

        Raises Diverged where that is not finite.
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
        """Named parameters of the model. Under ZeRO-3 few of them are whole at a time: take each as it comes."""
        named = [(name, weight.detach()) for name, weight in self._model.named_parameters()] if self.stage < 3 else []
        yield from named
        for bucket in _buckets(self._model) if self.stage == 3 else ():
            with deepspeed.zero.GatheredParameters([weight for _, weight in bucket]):
                yield from ((name, weight.detach()) for name, weight in bucket)

    def shapes(self) -> Iterator[tuple[str, torch.dtype, tuple[int, ...]]]:
        """Of the same parameters, in the same order, without gathering any."""
        for name, weight in self._model.named_parameters():
            yield name, weight.dtype, tuple(getattr(weight, "ds_shape", weight.shape))

    def close(self) -> None:
        """Give back all memory."""
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
    """A model whose forward pass is the scores of sampled tokens: what DeepSpeed hooks on to."""

    def __init__(self, model: Any, config: ExperimentConfig, *, recompute: bool = False) -> None:
        super().__init__()
        self.model, self._temperature, self._recompute = model, config.rollout.temperature, recompute
        self._entropy_grad = "entropies" in config.update_rule().needs

    def forward(self, sequences: Sequence[Sequences]) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies (M,)."""
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
    """Named parameters that ZeRO-3 has spread, in their order, of so many bytes together that a rank can hold them."""
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
