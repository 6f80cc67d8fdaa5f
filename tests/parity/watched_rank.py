"""Ranks of DeepSpeed that show what lies in their process. They import this module, so it imports little."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any

import torch

from harness.engines.deepspeed.rank import DeepspeedRank

if TYPE_CHECKING:
    from harness.config.experiment import ExperimentConfig


class CountingRank(DeepspeedRank):
    """Notes the most bytes "in a pass", at the optimizer's "step", and "between" updates, in runs that are counted."""

    _counts = False

    def count(self) -> None:
        """Count in the next run, which takes longer."""
        self._counts = True

    def start_run(self, config: ExperimentConfig) -> None:
        if not self._counts:
            super().start_run(config)
            return
        self._counts = False
        self.end_run()
        self._before, self._seen = _bytes(), dict[str, float]()
        super().start_run(config)
        policy: Any = self._policy
        weights = policy._model.parameters()
        self._parameters = sum(getattr(weight, "ds_numel", weight.numel()) for weight in weights)
        _after(policy, "backward", lambda: self._note("in a pass"))
        _after(policy, "optimizer_step", lambda: self._note("between"))
        policy.engine.basic_optimizer.register_step_pre_hook(lambda *_: self._note("step"))

    def seen(self) -> tuple[int, dict[str, float]]:
        """Parameters of the model, and bytes by moment."""
        return self._parameters, self._seen

    def _note(self, moment: str) -> None:
        self._seen[moment] = max(self._seen.get(moment, 0.0), _bytes() - self._before)


class WatchedRank(CountingRank):
    """Shows what lies hidden in its process."""

    def gradients(self) -> dict[str, Any]:
        """Return the gradients of the whole model before the last step, by parameter."""
        return self._seen

    def watch(self) -> None:
        """Keep the gradients of each step of this run: at stage 3 all ranks put them together."""
        policy: Any = self._policy
        step, self._seen = policy.optimizer_step, dict[str, Any]()

        def watched(lr: float) -> float:
            from deepspeed.utils import safe_get_full_grad

            named = policy._model.named_parameters()
            self._seen = {name: safe_get_full_grad(weight).float().numpy().copy() for name, weight in named}
            return step(lr)

        policy.optimizer_step = watched

    def break_down(self) -> None:
        """Fail in the next pass, before any other rank hears of it."""

        def broken(_: object) -> None:
            raise MemoryError("no memory left on this rank alone")

        policy: Any = self._policy
        policy.score = broken

    def process_number(self) -> int:
        """Given by any rank that lives."""
        return os.getpid()

    def numbers_held(self) -> int:
        """In all tensors that are alive in this process."""
        gc.collect()
        return sum(part.numel() for part in gc.get_objects() if type(part) in {torch.Tensor, torch.nn.Parameter})

    def share(self) -> int:
        """Numbers of the model that lie with this rank between two passes."""
        return sum(weight.numel() for weight in self._policy._model.parameters())


def _after(policy: Any, name: str, note: Any) -> None:
    call = getattr(policy, name)

    def noted(*given: Any, **named: Any) -> Any:
        found = call(*given, **named)
        note()
        return found

    setattr(policy, name, noted)


def _bytes() -> float:
    """Return the bytes of all tensors in this process, each storage once."""
    gc.collect()
    alive = [part for part in gc.get_objects() if type(part) in {torch.Tensor, torch.nn.Parameter}]
    alive += [part.grad for part in alive if part.is_leaf and part.grad is not None]
    return float(sum({part.untyped_storage().data_ptr(): part.untyped_storage().nbytes() for part in alive}.values()))
