"""Grids that tests write, and what they expect of them."""

import shutil
from pathlib import Path

from harness.models.locate import WEIGHTS_FOLDER
from sweeps.grid.grid import read_grid

PLAIN = """
question: Does it matter?
metric: final/accuracy
feeds: [study]
axes:
  reward_scale:
    zero_one: [reward=zero_one]
    plus_minus_one: [reward=plus_minus_one]
  norm:
    none: []
    group: ["+tricks.group_norm={}"]
baseline: {norm: none}
seeds: [0, 1]
"""

# A run of these takes a second or two, most of it the first evaluation.
TINY = "overrides: [steps=2, rollout.prompts_per_batch=4, rollout.group_size=4, eval.problems=4, eval.samples=2]\n"


def write(folder: Path, text: str = PLAIN, name: str = "plain") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def grid(folder: Path, text: str = PLAIN, profile: str = "laptop", seeds: tuple[int, ...] | None = None):
    return read_grid(write(folder, text), profile, seeds)


def with_broken_model(folder: Path) -> str:
    """A grid whose second reward scale has a model with all its files, one of them broken."""
    broken = folder / "broken"
    shutil.copytree(WEIGHTS_FOLDER / "small_base", broken)
    (broken / "model.safetensors").write_bytes(b"this is no checkpoint")
    return PLAIN.replace("plus_minus_one: [reward=plus_minus_one]", f"broken: [model.path={broken}]") + TINY
