"""Train the embedded models and write their checkpoints.

Run it as ``python -m tools.embedded_models.build``.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import torch

from harness.models import EMBEDDED_MODELS
from tools.embedded_models.recipe import RECIPES, Recipe, Size, StageName, generation_config
from tools.embedded_models.stages import Taught, Teacher
from tools.embedded_models.tokenizer import build_tokenizer

TRAINING_FILE = "training.json"

_PLAN: dict[str, tuple[Size, StageName]] = {
    "small_base": ("small", "base"),
    "small_aligned": ("small", "aligned"),
    "large_base": ("large", "base"),
    "large_aligned": ("large", "aligned"),
}
_DESCRIPTION = """Teach the embedded models and write their checkpoints.
On one otherwise idle core of a server CPU the small pair takes about 4 minutes, the large pair about 8."""


def build(name: str, out: Path, recipe: Recipe, seed: int, keep: Path | None = None) -> Path:
    """Train a checkpoint and write its folder; the same seed gives the same weights.

    Args:
        name: the name of the checkpoint
        out: the parent of the folder
        recipe: the stages of training
        seed: the seed of training
        keep: where finished stages are kept, or None

    Returns:
        The folder.

    """
    torch.set_num_threads(1)  # the sum order, and so the weights, depend on the number of threads
    size, stage = _PLAN[name]
    taught = Teacher(size, recipe, build_tokenizer(), seed, keep).teach(stage)
    return _write(taught, out / name, seed)


def main(arguments: list[str] | None = None) -> int:
    """Build all checkpoints or one; existing ones are overwritten only with --force."""
    options = _parser().parse_args(arguments)
    names = (options.only,) if options.only else EMBEDDED_MODELS
    present = [name for name in names if (options.out / name).exists()]
    if present and not options.force:
        print(f"{options.out} already holds {', '.join(present)}; pass --force to overwrite", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as passing:
        for name in names:
            start = time.monotonic()
            folder = build(name, options.out, RECIPES[_PLAN[name][0]], options.seed, options.stages or Path(passing))
            print(f"wrote {folder} after {(time.monotonic() - start) / 60:.1f} min")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.embedded_models.build",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder that receives one folder a checkpoint")
    parser.add_argument("--only", choices=EMBEDDED_MODELS, help="build this one (and what it starts from)")
    parser.add_argument("--force", action="store_true", help="overwrite checkpoints that are there")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--stages", type=Path, help="keep finished stages here, so that an interrupted build goes on from the last"
    )
    return parser


def _write(taught: Taught, folder: Path, seed: int) -> Path:
    tokenizer = build_tokenizer()
    taught.model.generation_config = generation_config(tokenizer)
    taught.model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    training = {"seed": seed, "cpu_seconds": round(taught.seconds, 1)}
    (folder / TRAINING_FILE).write_text(json.dumps(training, indent=2) + "\n")
    return folder


if __name__ == "__main__":
    raise SystemExit(main())
