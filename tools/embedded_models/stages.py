"""The training stages skill, base, aligned. Finished ones can be kept on disk and resumed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedTokenizerBase, Qwen3ForCausalLM

from tools.embedded_models.pretrain import new_model, train
from tools.embedded_models.recipe import STAGES, Recipe, Size, StageName, fingerprint


@dataclass(frozen=True, slots=True)
class Taught:
    """A model at the end of a stage."""

    model: Qwen3ForCausalLM  # fp32
    seconds: float  # CPU seconds of this stage and all earlier ones


@dataclass(frozen=True, slots=True)
class Teacher:
    """The training of one size through its stages.

    With ``keep``, finished stages are written to that folder and read from it.
    """

    size: Size
    recipe: Recipe
    tokenizer: PreTrainedTokenizerBase
    seed: int
    keep: Path | None = None

    def teach(self, last: StageName) -> Taught:
        """Return the model at the end of stage ``last``."""
        kept = self._kept(last)
        if kept is not None and kept.exists():
            return self._read(kept)
        before = self._before(last)
        model, start = before.model, time.process_time()
        train(model, self.tokenizer, self.recipe[last], f"{self.seed}:{last}", self._progress(last))
        taught = Taught(model, before.seconds + time.process_time() - start)
        if kept is not None:
            _write(taught, kept)
        return taught

    def _before(self, stage: StageName) -> Taught:
        if stage == STAGES[0]:
            return Taught(new_model(self.size, self.tokenizer, self.seed), 0.0)
        return self.teach(STAGES[STAGES.index(stage) - 1])

    def _kept(self, stage: StageName) -> Path | None:
        mark = fingerprint(self.size, self.recipe, stage, self.seed)
        return self.keep / f"{self.size}-{stage}-{mark}.safetensors" if self.keep else None

    def _read(self, kept: Path) -> Taught:
        model = new_model(self.size, self.tokenizer, self.seed)
        with torch.no_grad():
            for name, tensor in load_file(kept).items():
                model.get_parameter(name).copy_(tensor)
        with safe_open(kept, "pt") as file:
            return Taught(model, float(file.metadata()["seconds"]))

    def _progress(self, stage: StageName) -> StageProgress:
        return StageProgress(f"{self.size} {stage}", self.recipe[stage].steps, time.monotonic())


@dataclass(frozen=True, slots=True)
class StageProgress:
    """A report of the progress of a stage."""

    title: str
    steps: int
    start: float

    def __call__(self, step: int, loss: float) -> None:
        """Print one line."""
        left = (time.monotonic() - self.start) / step * (self.steps - step)
        print(f"{self.title:14} step {step:5}/{self.steps}  loss {loss:.3f}  {left:4.0f} s left", flush=True)


def _write(taught: Taught, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    weights: dict[str, Tensor] = {name: tensor.detach() for name, tensor in taught.model.named_parameters()}
    save_file(weights, kept, metadata={"seconds": f"{taught.seconds:.1f}"})
