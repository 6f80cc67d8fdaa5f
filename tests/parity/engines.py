"""Engines of vLLM for tests, and a learner with the model that they have."""

from __future__ import annotations

import os
import signal
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any

import ray
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from harness.config.engines import VllmConfig
from harness.engines.base.samples import Vocabulary
from harness.engines.torch.hf_scores import hf_scores
from harness.engines.torch.learner import TorchLearner
from harness.engines.vllm.engine import VllmEngine
from harness.engines.vllm.sampler import VllmSampler
from harness.models.locate import WEIGHTS
from harness.models.validate import end_ids
from tests.harness.engines.policies import optim

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.engines.transfer.buckets import WeightBucket

MODEL = WEIGHTS / "large_base"
MAX_LENGTH = 256  # tokens of prompt and response
SETTINGS = VllmConfig(
    engines=1,
    tensor_parallel=1,
    dtype="float32",
    gpu_memory=0.5,
    cache_gb=0.125,
    eager=True,
    prefix_caching=True,
    sync="object_store",
    parity_gap=1e-3,
)
WORDS = list(range(6, 60))  # tokens that begin or end nothing
SHORT = [[WORDS[(7 * row + 3 * place) % 54] for place in range(4 + 3 * row)] for row in range(6)]
LONG = [[WORDS[place % 54] for place in range(150)] + [WORDS[row]] for row in range(4)]  # share a block of 128


class MortalEngine(VllmEngine):
    """Does wrong, or dies, when it is told to."""

    def die_in_step(self, step: int) -> None:
        """Be killed in that forward pass from now on."""
        self._interrupt(step, lambda: os.kill(os.getpid(), signal.SIGKILL))

    def fail_in_step(self, step: int) -> None:
        """Raise what a device without memory raises, in that forward pass from now on."""
        self._interrupt(
            step, lambda: (_ for _ in ()).throw(RuntimeError("out of memory, said twice\nand in two lines"))
        )

    def start_beside(self, path: str, max_length: int) -> None:
        """Start another engine in this process, where vLLM is imported already; for one that is refused."""
        VllmEngine(path, SETTINGS, max_length).start()

    def load_stale_head(self, *parcels: WeightBucket) -> None:
        """As vLLM 0.32 reloads by itself."""
        from harness.engines.transfer.buckets import unpack_bucket

        self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": list(unpack_bucket(parcels))})
        self._llm.reset_prefix_cache()

    def load_keeping_prefixes(self, *parcels: WeightBucket) -> None:
        """Without forgetting keys and values of the weights before."""
        self._take(parcels)

    def _interrupt(self, step: int, what: Callable[[], object]) -> None:
        engine = self._llm.llm_engine
        usual, steps = engine.step, count(1)

        def interrupted() -> Any:
            if next(steps) == step:
                what()
            return usual()

        engine.step = interrupted


def actor(settings: VllmConfig = SETTINGS, path: str = str(MODEL), max_length: int = MAX_LENGTH) -> Any:
    """An engine in a process of its own, not started yet."""
    return ray.remote(MortalEngine).options(num_cpus=0).remote(path, settings, max_length)


def started(number: int, settings: VllmConfig = SETTINGS) -> list[Any]:
    """Engines that are ready."""
    engines = [actor(settings) for _ in range(number)]
    ray.get([engine.start.remote() for engine in engines])
    return engines


class Spares:
    """Engines that a test may break. One that a test leaves whole serves the next: a start takes ten seconds."""

    def __init__(self) -> None:
        self._whole: list[Any] = []

    def take(self) -> Any:
        """An engine with the weights that the last test gave it."""
        return self._whole.pop() if self._whole else started(1)[0]

    def give_back(self, engine: Any) -> None:
        """Keep an engine that is whole for the next test."""
        self._whole.append(engine)


def sampler(engines: Sequence[Any], restart: Any = None) -> VllmSampler:
    """Over these engines; without ``restart``, one that dies stays dead."""
    return VllmSampler(engines, vocabulary(), restart or _never)


@cache
def vocabulary() -> Vocabulary:
    """Of the model's tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    ends = end_ids(policy(), tokenizer)
    return Vocabulary(ends, tokenizer.pad_token_id, partial(tokenizer.batch_decode, skip_special_tokens=True))


@cache
def policy(noise: float = 0.0, seed: int = 0) -> Any:
    """The model in float32, each weight off by some share of the mean size of its tensor. Do not train it."""
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(noise * weight.abs().mean() * torch.randn(weight.shape, generator=generator))
    return model


def learner(model: Any, temperature: float = 1.0) -> TorchLearner:
    """A learner that trains the model in this process."""
    return TorchLearner(model, optim(), temperature, hf_scores)


def _never(index: int) -> Any:
    raise AssertionError(f"engine {index} died in a test that expects it to live")
