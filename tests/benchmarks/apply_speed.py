"""Measure the cost of ``apply`` over many batches in one process, beside the arithmetic of the rule.

The arithmetic is the signal, the loss weights, the loss and its gradient. The rest is reading and writing JSON, the
setup, hints and, unless ``fired=false``, the rule without each trick.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import torch

from tricks import compute_token_gradients
from tricks.dialects import build_rule
from tricks.io import apply_each_line, infer_setup, read_document, read_options

BATCHES, ROUNDS = 1000, 3
EXAMPLE = Path(__file__).parents[2] / "docs" / "reference" / "rollouts.example.json"


def main() -> None:
    """Print the milliseconds a batch of each preset, whole and beside the arithmetic."""
    torch.set_num_threads(1)
    line = json.dumps(json.loads(EXAMPLE.read_text())).encode()
    print(f"apply: {BATCHES} batches of {len(line):,} bytes in one process, {ROUNDS} rounds: median ms a batch")
    for preset in ("liteppo", "grpo", "dapo_static"):
        arithmetic = statistics.median(_arithmetic(preset, line) for _ in range(ROUNDS))
        for fired in ("true", "false"):
            whole = statistics.median(_whole(preset, fired, line) for _ in range(ROUNDS))
            beside = whole - arithmetic
            print(f"  {preset:12} fired={fired:5} {whole:6.2f}, arithmetic {arithmetic:.2f}, beside {beside:.2f}")


def _whole(preset: str, fired: str, line: bytes) -> float:
    options, text = read_options(preset, fired=fired), b"\n".join([line] * BATCHES)
    started = time.process_time()
    assert sum(1 for _ in apply_each_line(options, text)) == BATCHES
    return 1000 * (time.process_time() - started) / BATCHES


def _arithmetic(preset: str, line: bytes) -> float:
    document = read_document(line, torch.float32)
    rule = build_rule(preset, {}, "none", infer_setup(document.rollouts, 4))
    started = time.process_time()
    for _ in range(BATCHES):
        signal = rule.signal(document.rollouts)
        weights = rule.loss_weights(signal, document.micro_batch)
        compute_token_gradients(rule, document.log_probs, signal, weights, document.entropies)
    return 1000 * (time.process_time() - started) / BATCHES


if __name__ == "__main__":
    main()
