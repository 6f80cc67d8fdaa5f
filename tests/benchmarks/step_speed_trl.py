"""TRL's side of ``step_speed``, with the settings that make it fastest on one thread.

It runs in an environment of its own, so it imports nothing from this repository that needs more than Python.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from harness.rewards.judges import is_correct


def main(workload: dict[str, Any], folder: str) -> None:
    """Print one line of JSON a step."""
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(workload["model"])
    prompts = [f"{prompt}\n" for prompt in workload["prompts"]]
    assert tokenizer(prompts)["input_ids"] == workload["prompt_ids"], "the sides would answer different prompts"
    model = AutoModelForCausalLM.from_pretrained(workload["model"], dtype=torch.float32)
    model.config.use_cache = model.generation_config.use_cache = True  # without it a decode is 17 times slower
    report = Report(tokenizer)
    data = Dataset.from_dict({"prompt": prompts, "answer": workload["answers"]})
    trainer = GRPOTrainer(
        model, report.rewards, _config(workload, folder), data, processing_class=tokenizer, callbacks=[report]
    )
    trainer.train()


class Report(TrainerCallback):
    """Verifies responses with our verifier and times the steps."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._started = (0.0, 0.0)
        self._latest: dict[str, float] = {}

    def rewards(self, completion_ids: list[list[int]], answer: list[str], **_: Any) -> list[float]:
        texts = self._tokenizer.batch_decode(completion_ids, skip_special_tokens=True)
        rewards = [float(is_correct(text, wanted)) for text, wanted in zip(texts, answer, strict=True)]
        length = sum(map(len, completion_ids)) / len(completion_ids)
        self._latest = {"length": length, "accuracy": sum(rewards) / len(rewards)}
        return rewards

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._started = time.perf_counter(), time.process_time()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        taken = time.perf_counter() - self._started[0], time.process_time() - self._started[1]
        print(json.dumps({"seconds": taken[0], "cpu_seconds": taken[1], **self._latest}), flush=True)


def _config(workload: dict[str, Any], folder: str) -> GRPOConfig:
    settings = workload["settings"]
    return GRPOConfig(
        output_dir=folder,
        max_steps=workload["steps"],
        per_device_train_batch_size=settings["prompts_per_batch"] * settings["group_size"],
        gradient_accumulation_steps=1,
        num_generations=settings["group_size"],
        num_iterations=1,
        max_completion_length=settings["max_response_length"],
        temperature=settings["temperature"],
        top_k=0,
        top_p=1.0,
        beta=0.0,
        learning_rate=settings["lr"],
        lr_scheduler_type="constant",
        warmup_steps=0,
        weight_decay=0.0,
        max_grad_norm=settings["max_grad_norm"],
        loss_type="dapo",  # the token mean
        scale_rewards="group",
        shuffle_dataset=False,
        use_cpu=True,
        bf16=False,
        fp16=False,
        use_vllm=False,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        log_completions=False,
        disable_tqdm=True,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), scratch)
