"""What the hooks cost at the paper's scale: 1,024 responses of up to 8,192 tokens, two threads.

Each rule runs in a process of its own, so that its peak memory is its own. Memory is counted beside the batch. The
forward of the loss is counted, its backward belongs to the model's.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import psutil
import torch

from harness.common.resources import keep_freed_memory
from tricks.batch import Rollouts, Setup
from tricks.dialects.build import build_rule

SAMPLES, TOKENS, GROUP, ROUNDS = 1024, 8192, 8, 7
EVERY_HOOK = {
    "dynamic_sampling": {},
    "soft_overlong": {},
    "reward_clip": {},
    "overlong_filter": {},
    "group_norm": {},
    "kl_to_go": {},
    "token_whitening": {},
    "advantage_clip": {},
    "truncated_is": {},
    "clip_higher": {},
    "kl_loss": {},
    "token_mean": {},
}
RULES = {name: (name, {}) for name in ("liteppo", "dapo_static", "scalerl")} | {
    "a trick on each of the 12 hooks": ("vanilla_ppo", EVERY_HOOK)
}


def main(arguments: list[str]) -> None:
    """Print seconds and megabytes of each rule, or measure the one named."""
    if arguments:
        print(_measure(arguments[0]))
        return
    print(f"hooks: {SAMPLES:,} samples x {TOKENS:,} tokens, 2 threads, {ROUNDS} rounds: median (min to max) seconds")
    for name in RULES:
        command = [sys.executable, "-m", "tests.benchmarks.hooks_cost", name]
        print(f"  {name:32}", subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def _measure(name: str) -> str:
    torch.set_num_threads(2)
    rollouts, log_probs = _batch()
    keep_freed_memory()  # as the learner does; only now, so that nothing of making the batch is reused
    preset, tricks = RULES[name]
    rule, process = build_rule(preset, tricks, "none", Setup(GROUP, SAMPLES // GROUP, 4, TOKENS)), psutil.Process()
    before, times = process.memory_info().rss, []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        with torch.no_grad():
            rule.accepted(rollouts)
            signal = rule.signal(rollouts)
            rule.loss(log_probs, signal, rule.loss_weights(signal))
        times.append(time.perf_counter() - started)
    peak = (process.memory_info().rss - before) / 2**20  # freed memory is kept, so what is held is the peak
    return f"{statistics.median(times):5.2f} ({min(times):.2f} to {max(times):.2f}), {peak:.0f} MB beside the batch"


def _batch() -> tuple[Rollouts, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(TOKENS // 8, TOKENS + 1, (SAMPLES,), generator=generator)
    old_log_probs = -torch.rand(SAMPLES, TOKENS, generator=generator)
    rollouts = Rollouts(
        old_log_probs=old_log_probs,
        response_mask=torch.arange(TOKENS) < lengths[:, None],
        rewards=torch.randint(0, 2, (SAMPLES,), generator=generator).float(),
        group=torch.arange(SAMPLES) // GROUP,
        truncated=lengths == TOKENS,
        sampler_log_probs=old_log_probs + 0.01 * torch.randn(SAMPLES, TOKENS, generator=generator),
        ref_log_probs=old_log_probs - 0.1 * torch.rand(SAMPLES, TOKENS, generator=generator),
        max_response_length=TOKENS,
    )
    return rollouts, old_log_probs + 0.05 * torch.randn(SAMPLES, TOKENS, generator=generator)


if __name__ == "__main__":
    main(sys.argv[1:])
