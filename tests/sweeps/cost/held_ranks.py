"""Ranks of DeepSpeed that count the bytes of all tensors in their process while they learn."""

from __future__ import annotations

import gc
from functools import cache
from typing import TYPE_CHECKING, Any

import ray
import torch

from harness.engines.deepspeed.learner import DeepspeedLearner
from harness.engines.deepspeed.rank import DeepspeedRank
from tests.local_ray import imports_from_here
from tests.parity.ranks import COUNT, config, follow, samples

if TYPE_CHECKING:
    from harness.config.experiment import ExperimentConfig


class CountingRank(DeepspeedRank):
    """Notes the most bytes a parameter "in a pass", at the optimizer's "step", and "between" updates."""

    def start_run(self, config: ExperimentConfig) -> None:
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


def _after(policy: Any, name: str, note: Any) -> None:
    call = getattr(policy, name)

    def noted(*given: Any, **named: Any) -> Any:
        found = call(*given, **named)
        note()
        return found

    setattr(policy, name, noted)


def _bytes() -> float:
    """Of all tensors here, each storage once."""
    gc.collect()
    alive = [part for part in gc.get_objects() if type(part) in {torch.Tensor, torch.nn.Parameter}]
    alive += [part.grad for part in alive if part.is_leaf and part.grad is not None]
    return float(sum({part.untyped_storage().data_ptr(): part.untyped_storage().nbytes() for part in alive}.values()))


def started() -> tuple[Any, ...]:
    """Two that have met."""
    kind = ray.remote(CountingRank).options(num_cpus=0, runtime_env=imports_from_here())
    ranks = [kind.remote(number, COUNT) for number in range(COUNT)]
    meeting = ray.get(ranks[0].address.remote())
    ray.get([rank.start.remote(*meeting) for rank in ranks])
    return tuple(ranks)


@cache
def held(ranks: tuple[Any, ...], dtype: str, stage: int, *more: str) -> tuple[int, dict[str, float]]:
    """Parameters, and the most bytes of the first rank by moment, over two steps of several passes."""
    passes = ("optim.micro_batch_tokens=400", "optim.updates_per_rollout=1", f"backend.deepspeed.dtype={dtype}")
    chosen = config(*passes, *more, stage=stage)
    follow(DeepspeedLearner(ranks, chosen), chosen, samples(), steps=2)
    found: tuple[int, dict[str, float]] = ray.get(ranks[0].seen.remote())
    return found
