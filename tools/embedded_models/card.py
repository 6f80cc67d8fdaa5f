"""Measure the embedded models and write CARD.md and card.json to their folder."""

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from harness.data import DIFFICULTIES, Difficulty, build_evaluation_set
from harness.models import EMBEDDED_MODELS, WEIGHTS_FOLDER, PromptForm, load_model
from tools.embedded_models.build import TRAINING_FILE
from tools.embedded_models.measure import Measurement, Sampling, measure

_HEAD = """# The embedded models

Written by `python -m tools.embedded_models.card`. {problems} evaluation problems a difficulty, none seen in training,
{samples} samples each, temperature {temperature:g}, at most {max_tokens} new tokens, fp32, sampling seed {seed}.
± is half of a 95 % interval over problems; entropy is in nats a response token; pass@8 is the unbiased estimator.
Base checkpoints are asked in base form, aligned ones in chat form. `{command}` rebuilds them.

What the numbers do not say:

- The gap between the sizes is made, not found. The large model learns longer, and its base stage reads fewer wrong
  texts (`recipe.py`); the small one is stopped early. A difference between them is not an effect of parameters alone.
- Stage lengths and noise shares were chosen by looking at accuracy on these same evaluation problems, for base models
  that leave room to learn and sizes that separate. None of their expressions was trained on.
- One training seed a checkpoint: the intervals cover problems and sampling, not training.

| checkpoint | parameters | difficulty | accuracy | entropy | truncated | pass@8 | length | n | measured in |
|---|---|---|---|---|---|---|---|---|---|
"""
_TRAINING_HEAD = """
| checkpoint | training seed | training, CPU seconds with its parents |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class CardEntry:
    """The measurement of one checkpoint on one difficulty."""

    checkpoint: str
    parameters: int
    difficulty: Difficulty
    form: PromptForm
    measured: Measurement
    sampling: Sampling
    training: dict[str, float]  # seed and cpu_seconds


def main(arguments: list[str] | None = None) -> int:
    """Measure every checkpoint in the folder and write the card."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    sampling = replace(Sampling(), seed=options.seed)
    entries = [
        entry for name in EMBEDDED_MODELS for entry in _entries(options.weights / name, options.problems, sampling)
    ]
    (options.weights / "card.json").write_text(json.dumps([asdict(entry) for entry in entries], indent=1) + "\n")
    (options.weights / "CARD.md").write_text(render(entries, options.problems))
    return 0


def render(entries: list[CardEntry], problems: int) -> str:
    """Return the card as Markdown."""
    head = _HEAD.format(
        problems=problems, command="python -m tools.embedded_models.build", **asdict(entries[0].sampling)
    )
    trained = {entry.checkpoint: entry.training for entry in entries}
    rows = (f"| {name} | {run['seed']} | {run['cpu_seconds']:.0f} |\n" for name, run in trained.items())
    return head + "".join(map(_row, entries)) + _TRAINING_HEAD + "".join(rows)


def _entries(folder: Path, problems: int, sampling: Sampling) -> list[CardEntry]:
    model, tokenizer = load_model(str(folder), torch.float32)
    form: PromptForm = "chat" if folder.name.endswith("aligned") else "base"
    training = json.loads((folder / TRAINING_FILE).read_text())
    entries = []
    for difficulty in DIFFICULTIES:
        start = time.monotonic()
        measured = measure(model, tokenizer, build_evaluation_set(difficulty, problems), form, sampling)
        entries.append(CardEntry(folder.name, model.num_parameters(), difficulty, form, measured, sampling, training))
        print(f"{folder.name} {difficulty}: accuracy {measured.accuracy:.3f}, {time.monotonic() - start:.0f} s")
    return entries


def _row(entry: CardEntry) -> str:
    got = entry.measured
    return (
        f"| {entry.checkpoint} | {entry.parameters:,} | {entry.difficulty} "
        f"| {got.accuracy:.3f} ± {got.accuracy_half_width:.3f} | {got.entropy:.3f} | {got.truncated:.1%} "
        f"| {got.pass_at_8:.3f} | {got.length:.1f} | {got.n} | {got.seconds:.0f} s |\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.embedded_models.card", description=__doc__)
    parser.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER, help="folder of the checkpoints")
    parser.add_argument("--problems", type=int, default=512, help="evaluation problems a difficulty")
    parser.add_argument("--seed", type=int, default=0, help="of the sampling")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
