"""Weights as a Hugging Face folder, which ``make eval MODEL=folder`` scores and ``from_pretrained`` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

from harness.checkpoint.folder import write_folder
from harness.checkpoint.kept import whole
from harness.config import ModelConfig
from harness.engines.learner_files import load_tensors
from harness.engines.torch_learner import WEIGHTS
from harness.models.load import load_model
from harness.models.locate import ModelError
from harness.practice import LEARNER
from harness.schema import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor

EXPORTED: Final = "model"  # the folder, in that of a run
MODEL: Final = "model.json"  # in a checkpoint: which model it is of


def export(model: ModelConfig, weights: Iterable[tuple[str, Tensor]], folder: Path) -> None:
    """Write config, generation settings, tokenizer, chat template and weights, in the precision of the run.

    What is no parameter comes from where the run began. Raises ModelError where the weights are not of that model.
    """
    begun, tokenizer = load_model(model.path, getattr(torch, model.dtype))
    _take_over(begun, weights, model.path)
    write_folder(folder, lambda draft: _save(begun, tokenizer, draft))


def export_stopped(run: Path) -> Path | None:
    """The folder with the weights of the newest checkpoint of a run that was stopped, written now; None without one."""
    checkpoint = next((folder for _, folder in whole(run)), None)
    if checkpoint is None or not (checkpoint / LEARNER / WEIGHTS).exists():
        return None
    folder = run / f"{EXPORTED}-{checkpoint.name}"
    model = read_json(ModelConfig, (checkpoint / MODEL).read_text(encoding="utf-8"))
    export(model, load_tensors(checkpoint / LEARNER / WEIGHTS).items(), folder)
    return folder


@torch.no_grad()
def _take_over(model: Any, weights: Iterable[tuple[str, Tensor]], path: str) -> None:
    left = dict(model.named_parameters())
    for name, weight in weights:
        if name not in left or left[name].shape != weight.shape:
            raise ModelError(f"model.path {path!r}: it has no {name} of the shape that was trained; was it replaced?")
        left.pop(name).copy_(weight)
    if left:
        raise ModelError(f"model.path {path!r}: its {next(iter(left))} was not trained; was the model replaced?")


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    """As ``save_pretrained`` does, but for generation settings that it calls wrong: published models have such."""
    from transformers import GenerationConfig  # noqa: PLC0415 - only an exported model needs transformers

    habits, model.generation_config = model.generation_config, GenerationConfig()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    habits.to_json_file(folder / "generation_config.json", keys_to_pop=["compile_config"])
