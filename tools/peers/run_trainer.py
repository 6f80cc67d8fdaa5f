"""Train with TRL's GRPOTrainer as it is released: one gradient on given completions, or a whole run.

This script runs in TRL's own environment, so it imports nothing from this repository but the judge of answers. It reads
a workload from the file that its argument names, and writes its results into the workload's folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

AROUND = {  # what a CPU and a quiet console need; nothing of it changes the update
    "use_cpu": True,
    "bf16": False,
    "fp16": False,
    "use_vllm": False,
    "gradient_checkpointing": False,
    "dataloader_pin_memory": False,
    "save_strategy": "no",
    "logging_strategy": "no",
    "report_to": [],
    "disable_tqdm": True,
    "shuffle_dataset": False,
}


class RecordingTrainer(GRPOTrainer):  # type: ignore[misc]
    """The released trainer, which also notes the responses of each micro-batch."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.micro_batches: list[list[list[int]]] = []

    def compute_loss(self, model: Any, inputs: Any, *given: Any, **named: Any) -> Any:
        """Note the responses and compute the loss."""
        self.micro_batches.append(inputs["completion_ids"].tolist())  # padded; the mask may leave whole rows out
        return super().compute_loss(model, inputs, *given, **named)


class FirstGradient(TrainerCallback):  # type: ignore[misc]
    """Keeps the gradient of the first update and stops."""

    def __init__(self) -> None:
        self.found: dict[str, torch.Tensor] = {}

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Copy the gradient."""
        self.found = {
            name: part.grad.detach().clone() for name, part in model.named_parameters() if part.grad is not None
        }
        control.should_training_stop = True


def gradients(workload: dict[str, Any], folder: Path) -> None:
    """Write the first update's gradient of every case, and the responses of its micro-batches."""
    tokenizer = AutoTokenizer.from_pretrained(workload["model"])
    responses = {tuple(ids): text for ids, text in zip(workload["completion_ids"], workload["rewards"], strict=True)}
    by_prompt = dict(zip(workload["prompts"], workload["completions"], strict=True))

    def rollouts(prompts: list[str], _: Any) -> dict[str, Any]:
        turns: dict[str, int] = {}
        chosen = []
        for prompt in prompts:
            turns[prompt] = turns.get(prompt, -1) + 1
            chosen.append(by_prompt[prompt][turns[prompt]])
        return {"prompt_ids": tokenizer(prompts)["input_ids"], "completion_ids": chosen, "logprobs": None}

    def rewards(completion_ids: list[list[int]], **_: Any) -> list[float]:
        return [responses[tuple(ids)] for ids in completion_ids]

    for case in workload["cases"]:
        model = AutoModelForCausalLM.from_pretrained(workload["model"], dtype=torch.float32)
        keeper = FirstGradient()
        trainer = RecordingTrainer(
            model,
            rewards,
            GRPOConfig(output_dir=str(folder / "trl"), max_steps=1, **case["options"], **AROUND),
            train_dataset=Dataset.from_dict({"prompt": workload["prompts"]}),
            processing_class=tokenizer,
            callbacks=[keeper],
            rollout_func=rollouts,
        )
        trainer.train()
        save_file(keeper.found, folder / f"{case['name']}.safetensors")
        (folder / f"{case['name']}.json").write_text(json.dumps(trainer.micro_batches))


class Progress(TrainerCallback):  # type: ignore[misc]
    """Prints one line of JSON a rollout."""

    def __init__(self) -> None:
        self.latest: dict[str, float] = {}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Print the step and the share of correct responses of its rollout."""
        print(json.dumps({"update": state.global_step, **self.latest}), flush=True)


def run(workload: dict[str, Any], folder: Path) -> None:
    """Train on the problems in their order and save the weights."""
    from harness.rewards import is_correct  # noqa: PLC0415 - the gradients need no judge

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(workload["model"])
    model = AutoModelForCausalLM.from_pretrained(workload["model"], dtype=torch.float32)
    model.config.use_cache = model.generation_config.use_cache = True
    progress = Progress()

    def rewards(completion_ids: list[list[int]], answer: list[str], **_: Any) -> list[float]:
        texts = tokenizer.batch_decode(completion_ids, skip_special_tokens=True)
        found = [float(is_correct(text, wanted)) for text, wanted in zip(texts, answer, strict=True)]
        progress.latest = {"accuracy": sum(found) / len(found)}
        return found

    trainer = GRPOTrainer(
        model,
        rewards,
        GRPOConfig(
            output_dir=str(folder / "trl"),
            max_steps=workload["updates"],
            seed=workload["seed"],
            **workload["options"],
            **AROUND,
        ),
        train_dataset=Dataset.from_dict({"prompt": workload["prompts"], "answer": workload["answers"]}),
        processing_class=tokenizer,
        callbacks=[progress],
    )
    trainer.train()
    model.save_pretrained(folder / "weights", safe_serialization=True)
    tokenizer.save_pretrained(folder / "weights")


if __name__ == "__main__":
    WORKLOAD = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    {"gradients": gradients, "run": run}[WORKLOAD["task"]](WORKLOAD, Path(sys.argv[1]).parent)
