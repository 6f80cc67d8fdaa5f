"""Export the weights of a run as a Hugging Face folder."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import torch

from harness.checkpoint.manager import LEARNER_FOLDER, MODEL_FILE, find_intact_checkpoints
from harness.common import atomic_write_folder, read_json
from harness.config import ModelConfig
from harness.engines.base import load_tensors
from harness.engines.torch import WEIGHTS_FILE
from harness.models import ModelError, load_model

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor


EXPORT_FOLDER: Final = "model"  # the exported folder inside a run's folder


def export_model(model: ModelConfig, weights: Iterable[tuple[str, Tensor]], folder: Path) -> None:
    """Write a model as a Hugging Face folder, in the precision of the run.

    The folder holds config, generation settings, tokenizer, chat template and weights. All but the weights come from
    the model that the run started from.

    Args:
        model: The model that the run started from, and its precision.
        weights: Name and tensor of every trained parameter.
        folder: The folder to write; it is replaced atomically.

    Raises:
        ModelError: Names or shapes of the weights are not those of the model.

    """
    base, tokenizer = load_model(model.path, getattr(torch, model.dtype))
    _copy_weights(base, weights, model.path)
    atomic_write_folder(folder, lambda draft: _save(base, tokenizer, draft))


def export_stopped(run: Path) -> Path | None:
    """Export the newest checkpoint of a stopped run and return the folder; None without one."""
    checkpoint = next((folder for _, folder in find_intact_checkpoints(run)), None)
    if checkpoint is None or not (checkpoint / LEARNER_FOLDER / WEIGHTS_FILE).exists():
        return None
    folder = run / f"{EXPORT_FOLDER}-{checkpoint.name}"
    model = read_json(ModelConfig, (checkpoint / MODEL_FILE).read_text(encoding="utf-8"))
    export_model(model, load_tensors(checkpoint / LEARNER_FOLDER / WEIGHTS_FILE).items(), folder)
    return folder


@torch.no_grad()
def _copy_weights(model: Any, weights: Iterable[tuple[str, Tensor]], path: str) -> None:
    untrained = dict(model.named_parameters())
    for name, weight in weights:
        if name not in untrained or untrained[name].shape != weight.shape:
            raise ModelError(f"model.path {path!r}: it has no {name} of the shape that was trained; was it replaced?")
        untrained.pop(name).copy_(weight)
    if untrained:
        raise ModelError(f"model.path {path!r}: its {next(iter(untrained))} was not trained; was the model replaced?")


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save the model; write generation settings that ``save_pretrained`` would reject.

    Some published models have such settings.
    """
    from transformers import GenerationConfig  # noqa: PLC0415 - only an exported model needs transformers

    generation_settings, model.generation_config = model.generation_config, GenerationConfig()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    generation_settings.to_json_file(folder / "generation_config.json", keys_to_pop=["compile_config"])


def export_run(run_id: str, results: Path) -> int:
    """Print the folder of a run's weights and return the exit code.

    The code is 2 for an unknown run, and 1 where no weights are left.
    """
    runs = results / "runs"
    found = [path for path in sorted(runs.glob("*")) if path.name.rpartition(".")[2] == run_id]
    if not found:
        print(f"{run_id}: no such run in {runs}; give a run id as `make trace` prints it", file=sys.stderr)
        return 2
    try:
        folder = _weights(found)
    except (ModelError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if folder is None:
        print(
            f"{run_id}: the run saved no weights; start runs with checkpoint.export=true to keep them",
            file=sys.stderr,
        )
        return 1
    print(folder)
    return 0


def _weights(runs: list[Path]) -> Path | None:
    """Return the exported folder of the first run that has one, else export a checkpoint."""
    exported = next((run / EXPORT_FOLDER for run in runs if (run / EXPORT_FOLDER).is_dir()), None)
    return exported or next(filter(None, map(export_stopped, runs)), None)
