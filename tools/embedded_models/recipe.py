"""Shapes of the embedded models and the stages that train them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from transformers import GenerationConfig, PreTrainedTokenizerBase, Qwen3Config

from harness.common import spell_value
from tools.embedded_models.corpus import Mix

if TYPE_CHECKING:
    from harness.data import Difficulty


Size = Literal["small", "large"]


@dataclass(frozen=True, slots=True)
class ModelSize:
    """The width and depth of a model; two query heads share one key head."""

    hidden: int
    layers: int
    feed_forward: int
    head: int
    query_heads: int = 4
    key_heads: int = 2


SHAPES: dict[Size, ModelSize] = {
    "small": ModelSize(hidden=96, layers=3, feed_forward=256, head=24),
    "large": ModelSize(hidden=128, layers=4, feed_forward=320, head=32),
}


def qwen3_config(shape: ModelSize, tokenizer: PreTrainedTokenizerBase) -> Qwen3Config:
    """Return the ``transformers`` configuration of a model; embeddings are tied."""
    return Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.query_heads,
        num_key_value_heads=shape.key_heads,
        head_dim=shape.head,
        max_position_embeddings=512,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4},
        tie_word_embeddings=True,
        initializer_range=0.04,
        use_cache=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def generation_config(tokenizer: PreTrainedTokenizerBase) -> GenerationConfig:
    """Return the settings of plain sampling with a cache.

    Decoding without a cache is 17 times slower.
    """
    return GenerationConfig(
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        use_cache=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


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
    """One training stage of AdamW on one mix of texts.

    The learning rate warms up, stays flat, and decays linearly over the second half.
    """

    mix: Mix
    steps: int
    batch: int  # texts per step
    lr: float
    longest: int = 88  # tokens, prompt included; longer texts are cut


Recipe = dict[StageName, Stage]
_IN_MARKS: Final = {
    ModelSize: "Shape",
    Stage: "Stage",
    Mix: "Mix",
}  # class names in the fingerprint, which must not change

# The larger model trains longer and with less noise: with equal training it is not better than the smaller one.
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
    """Return a short hash of everything that decides the weights, except the corpus code.

    Args:
        size: the size of the model
        recipe: the stages of training
        last: the stage whose weights the hash identifies
        seed: the seed of training

    Returns:
        12 hexadecimal digits.

    """
    taught = [recipe[stage] for stage in STAGES[: STAGES.index(last) + 1]]
    return hashlib.blake2b(spell_value((SHAPES[size], taught, seed), _IN_MARKS).encode(), digest_size=6).hexdigest()
