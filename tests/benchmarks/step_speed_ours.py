"""Our side of ``step_speed``: the loop of a run, timed from batch to report."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from harness.config.experiment import RewardConfig, load_config
from harness.data.catalog import Problem
from harness.engines.base.protocols import Decoding
from harness.engines.build import build_torch_engines
from harness.models.load import load_model
from harness.rollouts.generate import Task
from harness.training.loop import train

if TYPE_CHECKING:
    from collections.abc import Iterator


def main(workload: dict[str, Any]) -> None:
    """Print one line of JSON a step."""
    torch.set_num_threads(1)
    settings = workload["settings"]
    config = load_config(
        "+tricks.group_norm={}", "+tricks.token_mean={}", "optim.updates_per_rollout=1",
        f"optim.lr={settings['lr']}", f"optim.max_grad_norm={settings['max_grad_norm']}",
        f"rollout.temperature={settings['temperature']}",
    )  # fmt: skip
    model, tokenizer = load_model(workload["model"], torch.float32)
    decoding = Decoding(settings["group_size"], settings["max_response_length"], settings["temperature"])
    scale, batches = RewardConfig(correct=1.0, wrong=0.0), _batches(workload)
    steps = train(
        *build_torch_engines(model, tokenizer, config), config.update_rule(), scale, batches, decoding, seed=0
    )
    started = time.perf_counter(), time.process_time()
    for report in steps:
        taken = time.perf_counter() - started[0], time.process_time() - started[1]
        length, accuracy = (report.metrics[name] for name in ("response/length", "rollout/accuracy"))
        line = {"seconds": taken[0], "cpu_seconds": taken[1], "length": length, "accuracy": accuracy}
        print(json.dumps(line), flush=True)
        started = time.perf_counter(), time.process_time()


def _batches(workload: dict[str, Any]) -> Iterator[list[Task]]:
    size = workload["settings"]["prompts_per_batch"]
    tasks = [
        Task(Problem(prompt, prompt, answer), tuple(ids))
        for prompt, answer, ids in zip(workload["prompts"], workload["answers"], workload["prompt_ids"], strict=True)
    ]
    return (tasks[start : start + size] for start in range(0, len(tasks), size))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
