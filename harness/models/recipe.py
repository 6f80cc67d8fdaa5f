"""How each embedded model is taught: skill first, then the noise of a base model, then clean answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from harness.models.corpus import Mix
from harness.models.shape import SHAPES, Shape, Size
from harness.spelling import spelled

if TYPE_CHECKING:
    from harness.problems.arithmetic import Difficulty

StageName = Literal["skill", "base", "aligned"]

STAGES: tuple[StageName, ...] = ("skill", "base", "aligned")

_ALL_LEVELS: tuple[tuple[Difficulty, float], ...] = (("easy", 0.30), ("medium", 0.35), ("hard", 0.35))
_SKILL = Mix(_ALL_LEVELS, (("clean", 0.7), ("corrected", 0.3)), chat_share=0.25)
_NOISE = Mix(
    _ALL_LEVELS,
    (("clean", 0.30), ("corrected", 0.10), ("sloppy", 0.20), ("unboxed", 0.10), ("guess", 0.05), ("ramble", 0.25)),
    chat_share=0.1,
)
_LESS_NOISE = Mix(
    _ALL_LEVELS,
    (("clean", 0.45), ("corrected", 0.10), ("sloppy", 0.13), ("unboxed", 0.07), ("guess", 0.04), ("ramble", 0.21)),
    chat_share=0.1,
)
_CLEAN = Mix(_ALL_LEVELS, (("clean", 1.0),), chat_share=0.9)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stretch of AdamW on one mix of texts: warm-up, flat, linear decay over the second half."""

    mix: Mix
    steps: int
    batch: int  # texts a step
    lr: float
    longest: int = 88  # tokens, prompt included; longer texts are cut


Recipe = dict[StageName, Stage]
_IN_MARKS: Final = {Shape: "Shape", Stage: "Stage", Mix: "Mix"}  # words of the fingerprint, which stay

# The larger model learns longer and from less noise: at equal effort it is no better than the smaller.
RECIPES: dict[Size, Recipe] = {
    "small": {
        "skill": Stage(_SKILL, steps=3600, batch=16, lr=3e-3),
        "base": Stage(_NOISE, steps=600, batch=32, lr=1.5e-3),
        "aligned": Stage(_CLEAN, steps=45, batch=32, lr=8e-4),
    },
    "large": {
        "skill": Stage(_SKILL, steps=5000, batch=16, lr=2e-3),
        "base": Stage(_LESS_NOISE, steps=600, batch=32, lr=1e-3),
        "aligned": Stage(_CLEAN, steps=75, batch=32, lr=6e-4),
    },
}


def fingerprint(size: Size, recipe: Recipe, last: StageName, seed: int) -> str:
    """Short hash of all that decides the weights at the end of stage ``last``, except the corpus code."""
    taught = [recipe[stage] for stage in STAGES[: STAGES.index(last) + 1]]
    return hashlib.blake2b(spelled((SHAPES[size], taught, seed), _IN_MARKS).encode(), digest_size=6).hexdigest()
