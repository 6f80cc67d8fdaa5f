"""The two sizes of the embedded models, as Qwen3 configurations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from transformers import GenerationConfig, PreTrainedTokenizerBase, Qwen3Config

Size = Literal["small", "large"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Width and depth of a model; two query heads share one key head."""

    hidden: int
    layers: int
    feed_forward: int
    head: int
    query_heads: int = 4
    key_heads: int = 2


SHAPES: dict[Size, Shape] = {
    "small": Shape(hidden=96, layers=3, feed_forward=256, head=24),
    "large": Shape(hidden=128, layers=4, feed_forward=320, head=32),
}


def qwen3_config(shape: Shape, tokenizer: PreTrainedTokenizerBase) -> Qwen3Config:
    """The configuration ``transformers`` builds the model from; embeddings are tied."""
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
    """Plain sampling with a cache; a decode without one is 17 times slower."""
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
