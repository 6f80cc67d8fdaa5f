"""Engines of vLLM for tests, and a learner with the model that they have."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

import ray
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from harness.engines.base.samples import Vocabulary
from harness.engines.torch.hf_scores import score_samples_hf
from harness.engines.torch.learner import TorchLearner
from harness.engines.vllm.sampler import VllmSampler
from harness.models.validate import collect_end_ids
from tests.harness.engines.policies import optim
from tests.parity.mortal_engine import MAX_LENGTH, MODEL, SETTINGS, MortalEngine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.config.engines import VllmConfig

WORDS = list(range(6, 60))  # tokens that begin or end nothing
SHORT = [[WORDS[(7 * row + 3 * place) % 54] for place in range(4 + 3 * row)] for row in range(6)]
LONG = [[WORDS[place % 54] for place in range(150)] + [WORDS[row]] for row in range(4)]  # share a block of 128


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
    ends = collect_end_ids(policy(), tokenizer)
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
    return TorchLearner(model, optim(), temperature, score_samples_hf)


def _never(index: int) -> Any:
    raise AssertionError(f"engine {index} died in a test that expects it to live")
