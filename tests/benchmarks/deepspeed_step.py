"""A step of the DeepSpeed learner on one rank against one of plain PyTorch: same model, samples, settings, one thread.

    python -m tests.benchmarks deepspeed_step

Both score by transformers' own model (backend.engine=hf), which is what ranks of DeepSpeed have; the learner with the
compact model of laptops is timed beside them. The sides take turns, step by step. A step is what the loop asks of a
learner: log-probs of all samples, then four updates with their metrics. CPU seconds are those of this process and of
the rank together, and do not depend on what else the machine does.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from harness.common.resources import keep_freed_memory
from harness.config.experiment import load_config
from harness.data.synthetic import stream_problems
from harness.engines.base.protocols import Decoding
from harness.engines.build import build_sampler
from harness.engines.qwen3.forward import score_samples_compact
from harness.engines.torch.hf_scores import score_samples_hf
from harness.engines.torch.learner import TorchLearner
from harness.models.load import load_model
from harness.models.prompting import format_prompt
from tests.harness.engines.learners import rollouts_of
from tricks.fired import ablate_each_trick

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.config.experiment import ExperimentConfig
    from harness.engines.base.protocols import Learner, Samples

STEPS, WARM_UP = 8, 2
SETTINGS = ("model=large_base", "backend=cpu_engines", "backend.deepspeed.ranks=1")


@dataclass
class Side:
    """One learner and what its steps took."""

    name: str
    learner: Learner
    rank_seconds: Callable[[], float]  # of processor time so far, outside of this process
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def step(self, config: ExperimentConfig, samples: Samples) -> None:
        """Take one and note its times."""
        rule, began = config.update_rule(), (time.perf_counter(), time.process_time() + self.rank_seconds())
        rollouts = rollouts_of(samples, self.learner.log_probs(samples))
        self.learner.update(samples, rule.signal(rollouts), rule, ablate_each_trick(rule, rollouts))
        self.wall.append(time.perf_counter() - began[0])
        self.processor.append(time.process_time() + self.rank_seconds() - began[1])


def main() -> int:
    """Print the times of each side, and its share of plain PyTorch's."""
    if find_spec("deepspeed") is None:
        print("deepspeed step: skipped, DeepSpeed is not installed; make setup EXTRA=cpu_engines")
        return 0
    import ray

    torch.set_num_threads(1)
    keep_freed_memory()
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=1 << 28)
    config, samples = load_config(*SETTINGS), _samples()
    print(f"deepspeed step, one rank, {samples.response_mask.sum()} tokens, {STEPS} steps of 4 updates, in turns")
    plain, compact = _torch("torch, hf", score_samples_hf), _torch("torch, compact", score_samples_compact)
    _race(plain, compact, config, samples)
    for stage in range(4):
        chosen = load_config(*SETTINGS, f"backend.deepspeed.zero_stage={stage}")
        _race(plain, _deepspeed(stage, chosen), config, samples)
    ray.shutdown()
    return 0


def _race(plain: Side, other: Side, config: ExperimentConfig, samples: Samples) -> None:
    plain.wall.clear()
    plain.processor.clear()
    for _ in range(STEPS + WARM_UP):
        plain.step(config, samples)
        other.step(config, samples)
    print(_line(plain, plain))
    print(_line(other, plain), flush=True)


def _line(side: Side, plain: Side) -> str:
    clocks = [(word, getattr(side, word)[WARM_UP:], getattr(plain, word)[WARM_UP:]) for word in ("wall", "processor")]
    words = [
        f"{statistics.median(taken):.3f} ({min(taken):.3f} to {max(taken):.3f}) s {word}, "
        f"ratio {statistics.median(taken) / statistics.median(base):.2f}"
        for word, taken, base in clocks
    ]
    return f"  {side.name:18} {'; '.join(words)}"


def _samples() -> Samples:
    config = load_config(*SETTINGS)
    model, tokenizer = load_model(config.model.path, torch.float32)
    problems = islice(stream_problems(["medium"], 0), 32)
    prompts = [format_prompt(tokenizer, problem.prompt, "base") for problem in problems]
    return build_sampler(model, tokenizer, config).sample(prompts, Decoding(8, 64), 0)


def _torch(name: str, scorer: Any) -> Side:
    config = load_config(*SETTINGS)
    model, _ = load_model(config.model.path, torch.float32)
    return Side(name, TorchLearner(model, config.optim, config.rollout.temperature, scorer), float)


def _deepspeed(stage: int, config: ExperimentConfig) -> Side:
    import ray

    from harness.engines.deepspeed.learner import DeepspeedLearner
    from tests.benchmarks.timed_rank import TimedRank

    rank = ray.remote(TimedRank).options(num_cpus=0).remote(0, 1)
    ray.get(rank.start.remote(*ray.get(rank.address.remote())))
    seconds = partial(_ask, rank)
    return Side(f"deepspeed, ZeRO-{stage}", DeepspeedLearner([rank], config), seconds)


def _ask(rank: Any) -> float:
    import ray

    return float(ray.get(rank.processor_seconds.remote()))


if __name__ == "__main__":
    sys.exit(main())
