"""Rollouts of our sampler on vLLM beside vLLM's own offline ``generate`` on the same requests, and the time of a sync.

    python -m tests.benchmarks vllm_rollout

One engine a side, builtin:large_base in float32 on one thread, 128 prompts x 8 samples of at most 64 tokens. The sides
take turns. Ours is timed in the controller, from prompts to padded samples with texts; vLLM's in its own process, from
requests to outputs: once with the very requests that ours makes, seeds and all, once unseeded and with n=8, as one
would write it by hand. CPU seconds are those of engine and controller together.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from importlib.util import find_spec
from itertools import islice
from typing import Any

import torch

from harness.config.experiment import load_config
from harness.data.synthetic import stream_problems
from harness.engines.base.protocols import Decoding
from harness.engines.build import build_vocabulary
from harness.engines.vllm.engine import VllmEngine, build_arguments
from harness.engines.vllm.sampler import VllmSampler
from harness.models.load import load_model
from harness.models.locate import locate_model
from harness.models.prompting import format_prompt

MODEL, MAX_LENGTH = "builtin:large_base", 192  # tokens of prompt and response
PROMPTS, ROUNDS, SYNCS = 128, 7, 20
DECODING = Decoding(group_size=8, max_response_length=64)
LEAST, LONGEST = 0.9, 100.0  # share of vLLM's own speed; milliseconds of a sync

Round = dict[str, dict[str, float]]  # of each side: seconds, cpu_seconds, tokens


class TimedEngine(VllmEngine):
    """Tells what it has cost."""

    def cpu_seconds(self) -> float:
        """Of this process so far."""
        return time.process_time()


class Offline:
    """vLLM as its documentation has it, in a process of its own."""

    def __init__(self, path: str, settings: dict[str, Any]) -> None:
        os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "ERROR", "HF_HUB_OFFLINE": "1"}
        from vllm import LLM

        self._llm = LLM(**settings)

    def generate(self, prompts: list[list[int]], seeds: list[int] | None, ends: tuple[int, ...]) -> dict[str, float]:
        """Seconds, CPU seconds and tokens; with a seed for each prompt, or none."""
        asked, settings = _by_hand(prompts, ends) if seeds is None else _as_ours(prompts, seeds, ends)
        begun = time.perf_counter(), time.process_time()
        outputs = self._llm.generate(asked, settings, use_tqdm=False)
        taken = time.perf_counter() - begun[0], time.process_time() - begun[1]
        tokens = sum(len(sample.token_ids) for output in outputs for sample in output.outputs)
        return {"seconds": taken[0], "cpu_seconds": taken[1], "tokens": tokens}


def main() -> int:
    """Print medians, the ratio of ours to vLLM's by both clocks, and the time of a sync. Exit code 1 beyond a bound."""
    if find_spec("vllm") is None:
        print("vllm rollout: skipped, vLLM is not installed; make setup EXTRA=cpu_engines")
        return 0
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    model, tokenizer = load_model(MODEL, torch.float32)
    prompts = [
        format_prompt(tokenizer, problem.prompt, "base") for problem in islice(stream_problems(["medium"], 0), PROMPTS)
    ]
    words, (engine, offline) = build_vocabulary(model, tokenizer), _started()
    sampler = VllmSampler([engine], words, lambda index: None)
    rounds = [_round(sampler, engine, offline, prompts, words.eos_ids, first) for first in range(ROUNDS + 1)][1:]
    print(f"vllm rollout, {PROMPTS} prompts x {DECODING.group_size}, {ROUNDS} rounds after one of warm-up, in turns")
    for side in rounds[0]:
        print(_line(side, rounds))
    syncs = sorted(_sync(sampler, model) for _ in range(SYNCS))
    print(f"  sync: {statistics.median(syncs):.0f} ms ({syncs[0]:.0f} to {syncs[-1]:.0f}), {SYNCS} times")
    ray.shutdown()
    slow = _share("vLLM, same requests", "cpu_seconds", rounds) < LEAST  # other processes lengthen the seconds
    return int(slow or statistics.median(syncs) > LONGEST)


def _started() -> list[Any]:
    import ray

    path, settings = str(locate_model(MODEL)), load_config("backend=cpu_engines").backend.vllm
    assert settings is not None
    told = build_arguments(path, settings, MAX_LENGTH, on_gpu=False, sleeps=False)
    alone = {"num_cpus": 1, "runtime_env": {"env_vars": {"OMP_NUM_THREADS": "1"}}}
    engine = ray.remote(TimedEngine).options(**alone).remote(path, settings, MAX_LENGTH)
    ray.get(engine.start.remote())
    return [engine, ray.remote(Offline).options(**alone).remote(path, told)]


def _round(
    sampler: VllmSampler, engine: Any, offline: Any, prompts: list[list[int]], ends: tuple[int, ...], first: int
) -> Round:
    import ray

    seeds = list(range(first * PROMPTS, (first + 1) * PROMPTS))
    before = time.perf_counter(), time.process_time() + ray.get(engine.cpu_seconds.remote())
    samples = sampler.sample(prompts, DECODING, seeds)
    seconds = time.perf_counter() - before[0]
    cpu_seconds = time.process_time() + ray.get(engine.cpu_seconds.remote()) - before[1]
    tokens = float(samples.response_mask.sum())
    return {
        "ours": {"seconds": seconds, "cpu_seconds": cpu_seconds, "tokens": tokens},
        "vLLM, same requests": ray.get(offline.generate.remote(prompts, seeds, ends)),
        "vLLM, unseeded": ray.get(offline.generate.remote(prompts, None, ends)),
    }


def _as_ours(prompts: list[list[int]], seeds: list[int], ends: tuple[int, ...]) -> tuple[list[Any], Any]:
    from harness.engines.vllm.engine import build_requests

    return build_requests(prompts, DECODING, seeds, ends)


def _by_hand(prompts: list[list[int]], ends: tuple[int, ...]) -> tuple[list[Any], Any]:
    from vllm import SamplingParams

    size, limit = DECODING.group_size, DECODING.max_response_length
    settings = SamplingParams(n=size, max_tokens=limit, logprobs=0, stop_token_ids=list(ends), detokenize=False)
    return [{"prompt_token_ids": prompt} for prompt in prompts], settings


def _line(side: str, rounds: list[Round]) -> str:
    wall, cpu = (statistics.median(_speeds(side, clock, rounds)) for clock in ("seconds", "cpu_seconds"))
    over = ", ".join(f"{_share(side, clock, rounds):.2f}" for clock in ("seconds", "cpu_seconds"))
    return f"  {side:20} {wall:6.0f} tokens a second, {cpu:6.0f} a CPU second; ours over it: {over}"


def _share(side: str, clock: str, rounds: list[Round]) -> float:
    """Our speed over a side's, the median over the rounds."""
    pairs = zip(_speeds("ours", clock, rounds), _speeds(side, clock, rounds), strict=True)
    return statistics.median(ours / theirs for ours, theirs in pairs)


def _speeds(side: str, clock: str, rounds: list[Round]) -> list[float]:
    return [found[side]["tokens"] / found[side][clock] for found in rounds]


def _sync(sampler: VllmSampler, model: Any) -> float:
    """Milliseconds from a model's parameters to an engine that samples by them."""
    begun = time.perf_counter()
    sampler.update_weights(model.named_parameters())
    return (time.perf_counter() - begun) * 1e3


if __name__ == "__main__":
    sys.exit(main())
