"""The work that ``long_context`` measures: sample, score or update at a length, in a process of its own."""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from harness.config.experiment import load_config
from harness.engines.base.protocols import Decoding, Samples
from harness.engines.build import build_torch_engines
from harness.models.load import load_model
from tricks.batch import Signal

PROMPT = 16  # tokens
WINDOW = 32_768  # as of Qwen3
END = 1  # of the random model, whose vocabulary is that of Qwen3


def main(request: dict[str, Any]) -> None:
    """Do one kind of work and print seconds, tokens and the peak memory of the process in GB."""
    torch.set_num_threads(1)
    model, tokenizer = _small() if request["model"] == "small" else _wide()
    config = load_config(
        "preset=grpo", f"optim.micro_batch_tokens={request['micro_batch_tokens']}", *request["settings"]
    )
    sampler, learner = build_torch_engines(model, tokenizer, config)
    vocabulary = model.get_input_embeddings().num_embeddings
    if request["work"] == "sample":  # the last token is hardly ever drawn, so that responses fill the limit
        sampler = type(sampler)(model, (vocabulary - 1,), 0, tokenizer.batch_decode)
    before, started = _peak(), (time.perf_counter(), time.process_time())
    tokens = _WORK[request["work"]](sampler, learner, config, request["responses"], request["length"], vocabulary)
    taken = time.perf_counter() - started[0], time.process_time() - started[1]
    print(
        json.dumps(
            {"seconds": taken[0], "cpu_seconds": taken[1], "tokens": tokens, "start_gb": before, "peak_gb": _peak()}
        ),
        flush=True,
    )


def _small() -> tuple[Any, Any]:
    """The embedded model with a window for the length: what is measured is memory, not what it answers there."""
    model, tokenizer = load_model("builtin:small_base", torch.float32)
    model.config.max_position_embeddings = WINDOW  # its positions are rotary, so that no weight depends on it
    return model, tokenizer


def _wide() -> tuple[Any, Any]:
    """A tiny model with the vocabulary of Qwen3, and the embedded tokenizer, which knows its first 64 tokens."""
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=151_936, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, tie_word_embeddings=True, eos_token_id=END, pad_token_id=0,
    )  # fmt: skip
    return Qwen3ForCausalLM(config).eval(), _small()[1]


def _sample(sampler: Any, _learner: Any, _config: Any, responses: int, length: int, _vocabulary: int) -> int:
    decoding = Decoding(responses, length, 0.99, top_p=0.99, top_k=100)
    return int(sampler.sample([[2] * PROMPT], decoding, 0).response_mask.sum())


def _score(_sampler: Any, learner: Any, _config: Any, responses: int, length: int, vocabulary: int) -> int:
    samples = _samples(responses, length, vocabulary)
    assert learner.log_probs(samples).isfinite().all()
    return responses * length


def _update(_sampler: Any, learner: Any, config: Any, responses: int, length: int, vocabulary: int) -> int:
    samples = _samples(responses, length, vocabulary)
    advantages, old_log_probs = torch.linspace(1, 2, responses)[:, None], torch.full((responses, length), -5.0)
    signal = Signal(advantages, samples.response_mask, samples.response_mask, old_log_probs, samples.group)
    assert learner.update(samples, signal, config.update_rule())["update/grad_norm"] > 0
    return responses * length


_WORK = {"sample": _sample, "score": _score, "update": _update}


def _samples(responses: int, length: int, vocabulary: int) -> Samples:
    """Random responses to one prompt; all fill the limit."""
    generator = torch.Generator().manual_seed(0)
    shape = (responses, length)
    return Samples(
        torch.randint(2, vocabulary, (1, PROMPT), generator=generator),
        torch.ones(1, PROMPT, dtype=torch.bool),
        torch.zeros(responses, dtype=torch.int64),
        torch.randint(2, vocabulary, shape, generator=generator),
        torch.ones(shape, dtype=torch.bool),
        torch.ones(responses, dtype=torch.bool),
        torch.zeros(shape),
        ("",) * responses,
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
