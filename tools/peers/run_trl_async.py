"""Run the released functions of TRL's asynchronous trainer on given rewards and log-probs.

This script runs in a process of its own, with one release of TRL. The worker's scoring of a group gives the advantages,
the collator packs the samples of a micro-batch, and the trainer's loss reads them. Only the model is replaced: it gives
the log-probs of the batch. No engine runs and no reward function but the one that returns the given rewards.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import json
import sys
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

STRIDE = 100  # ids of a sample: STRIDE * (row + 1) is its prompt, its response counts on
PACKAGE = "trl.experimental.async_grpo"


class Outputs(SimpleNamespace):
    """The output of a model; releases read it by attribute or by name."""

    def __getitem__(self, name: str) -> Any:
        """Return an output."""
        return getattr(self, name)


class Model:
    """A model that gives the log-probs of the batch, found by the ids that it is given."""

    def __init__(self, leaf: torch.Tensor) -> None:
        self.leaf, self.size = leaf, STRIDE * (len(leaf) + 2)

    def __call__(self, input_ids: torch.Tensor, labels: torch.Tensor | None = None, **_: Any) -> Outputs:
        """Return logits (1.0.0) and log-probs of the next token, those of the labels where they are given."""
        rows, places = input_ids // STRIDE - 1, input_ids % STRIDE
        inside = (rows >= 0) & (places < self.leaf.shape[1])
        chosen = self.leaf[rows.clamp(min=0), places.clamp(max=self.leaf.shape[1] - 1)]
        log_probs = torch.where(inside, chosen, -1.0)
        logits = self._logits(input_ids, log_probs)
        log_probs = log_probs if labels is None else log_probs[:, :-1]
        return Outputs(logits=logits, log_probs=log_probs, entropy=torch.zeros_like(log_probs), aux_loss=None)

    def _logits(self, input_ids: torch.Tensor, log_probs: torch.Tensor) -> torch.Tensor:
        """Return logits whose probabilities are those of the next token and of one other id."""
        logits = torch.full((*input_ids.shape, self.size), -1e30, dtype=log_probs.dtype)
        logits = logits.scatter(2, (input_ids + 1)[..., None], log_probs[..., None])
        return logits.scatter(
            2, torch.full_like(input_ids, self.size - 1)[..., None], (-log_probs.expm1()).log()[..., None]
        )


def scored(worker: Any, batch: dict[str, Any], rows: list[int]) -> list[Any]:
    """Return the samples that the worker makes of the responses of one prompt."""
    ids = [[STRIDE * (row + 1) + place for place in range(batch["lengths"][row] + 1)] for row in rows]
    masks = [[0] + [1] * (len(own) - 1) for own in ids]
    behind = [[0.0, *batch["sampler_log_probs"][row]] for row in rows]
    names = {field.name for field in dataclasses.fields(worker.RolloutGroup)}
    known = {
        "prompt": "",
        "prompts": [""] * len(rows),
        "prompt_ids": [] if "prompt" in names else [[] for _ in rows],
        "reward_kwargs": {},
        "completions": [""] * len(rows),
        "completions_ids": ids,
        "completions_logprobs": behind,
        "tool_mask": masks,
        "completions_sequences": [
            [SimpleNamespace(input_ids=own, completion_mask=mask, old_log_probs=numbers)]
            for own, mask, numbers in zip(ids, masks, behind, strict=True)
        ],
        "tool_call_counts": [0] * len(rows),
        "tool_failure_counts": [0] * len(rows),
        "model_version": 0,
        "group_id": rows[0],
        "env_rewards": [None] * len(rows),
        "rollout_rewards": [None] * len(rows),
    }
    group = worker.RolloutGroup(**{name: value for name, value in known.items() if name in names})
    itself = SimpleNamespace(
        reward_funcs=[lambda **_: [batch["rewards"][row] for row in rows]],
        reward_func_names=["given"],
        _env_reward_types=[],
        _provides_rollout_reward=False,
    )
    owner = next(cls for cls in vars(worker).values() if "_score_group" in getattr(cls, "__dict__", ()))
    return list(asyncio.run(owner._score_group(itself, group)))


def loss_of(module: Any, samples: list[Any], model: Model, options: dict[str, Any], accumulation: int) -> torch.Tensor:
    """Return the trainer's loss of one micro-batch."""
    examples: list[Any] = [
        {
            name: getattr(sample, name)
            for name in ("input_ids", "completion_mask", "old_log_probs", "advantage", "metrics")
        }
        | {"group_id": getattr(sample, "group_id", 0)}
        for sample in samples
    ]
    if hasattr(module, "TreeRow"):
        row = module.TreeRow()
        for example in examples:
            row.add(example)
        examples = [[row]]
    elif hasattr(module, "TokenBudgetBatcher"):  # a planner gives the rows of a micro-batch, one a process
        examples = [[examples]]
    inputs = module.DataCollatorForRollout(pad_token_id=0).torch_call(examples)
    accelerator = SimpleNamespace(num_processes=1, reduce=lambda value, **_: value, gather=lambda value: value)
    itself = SimpleNamespace(
        epsilon_low=options["epsilon"],
        epsilon_high=options["epsilon_high"],
        temperature=1.0,
        accelerator=accelerator,
        current_gradient_accumulation_steps=accumulation,
        aux_loss_enabled=False,
        _metrics={"train": defaultdict(list)},
        _train_tokens_start_time=None,
        _step_forward_tokens=0.0,
        _step_trained_tokens=0.0,
        _step_seq_len_weighted=0.0,
        _step_samples=0.0,
        _step_forward_s=0.0,
    )
    found: torch.Tensor = module.AsyncGRPOTrainer.compute_loss(itself, model, inputs)
    return found


def run(options: dict[str, Any], batch: dict[str, Any]) -> dict[str, Any]:
    """Return advantages, loss and gradient of one update."""
    importlib.import_module("accelerate").PartialState(cpu=True)  # its logger asks for it
    imports: Any = importlib.import_module("trl.import_utils")
    imports.is_vllm_available = lambda *_, **__: False  # no engine runs here
    worker = importlib.import_module(f"{PACKAGE}.async_rollout_worker")
    module = importlib.import_module(f"{PACKAGE}.async_grpo_trainer")
    lengths, width = batch["lengths"], max(batch["lengths"])
    samples: dict[int, Any] = {}
    for group in dict.fromkeys(batch["group"]):
        rows = [row for row, own in enumerate(batch["group"]) if own == group]
        samples |= dict(zip(rows, scored(worker, batch, rows), strict=True))
    numbers = [row + [-1.0] * (width - len(row)) for row in batch["log_probs"]]
    leaf = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
    model, units = Model(leaf), batch.get("micro_batch") or [0] * len(lengths)
    parts = [
        loss_of(module, [samples[row] for row, own in enumerate(units) if own == unit], model, options, len(set(units)))
        for unit in dict.fromkeys(units)
    ]
    loss = torch.stack([part.double() for part in parts]).sum()
    (gradient,) = torch.autograd.grad(loss, leaf)
    return {
        "advantages": [float(np.float64(samples[row].advantage)) for row in range(len(lengths))],
        "loss": loss.item(),
        "gradient": [row[:length] for row, length in zip(gradient.tolist(), lengths, strict=True)],
    }


if __name__ == "__main__":
    request = json.load(sys.stdin)
    print(json.dumps([run(case["options"], request["batches"][case["batch"]]) for case in request["cases"]]))
