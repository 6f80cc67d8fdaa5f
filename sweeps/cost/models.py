"""Shapes of models, and the parameter counts that follow from them.

A shape holds the fields of config.json that a cost needs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.models.errors import ModelError
from harness.models.locate import locate_model

if TYPE_CHECKING:
    from collections.abc import Mapping

HALF: Final = 2  # bytes per bfloat16 number


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A decoder with grouped queries and gated layers, dense or with experts.

    Norms and biases are not counted.
    """

    layers: int
    hidden: int
    query_heads: int
    key_heads: int
    head_size: int
    intermediate: int  # width of one expert, if there are several
    vocabulary: int
    tied: bool = False  # input and output embedding are one matrix
    experts: int = 1
    chosen: int = 1  # experts per token

    @property
    def attention(self) -> int:
        """The parameters of the attention of all layers."""
        heads = 2 * self.query_heads + 2 * self.key_heads  # queries and output, keys and values
        return self.layers * self.hidden * heads * self.head_size

    @property
    def expert(self) -> int:
        """The parameters of one expert in all layers; for a dense model, of all its gated layers."""
        return self.layers * 3 * self.hidden * self.intermediate

    @property
    def head(self) -> int:
        """The parameters of the output embedding."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """The parameters of the whole model."""
        return self.attention + self.experts * self.expert + (1 if self.tied else 2) * self.head

    @property
    def active(self) -> int:
        """The parameters that a token is multiplied with; the input embedding is only a lookup."""
        return self.attention + self.chosen * self.expert + self.head

    def read_bytes(self, tokens: float) -> float:
        """Return the bytes of weights that a decoding step over that many tokens reads.

        One of the tokens visits an expert with probability :math:`1 - (1 - k / E)^{tokens}`, if all experts are equally
        likely.
        """
        visited = self.experts * (1 - (1 - self.chosen / self.experts) ** tokens) if self.experts > 1 else 1
        return HALF * (self.attention + visited * self.expert + self.head)

    @property
    def cache_bytes(self) -> int:
        """The bytes of one token in the key-value cache."""
        return HALF * 2 * self.layers * self.key_heads * self.head_size


_DISTILL_7B: Final = ModelShape(28, 3584, 28, 4, 128, 18944, 152064)
_LLAMA_8B: Final = ModelShape(32, 4096, 32, 8, 128, 14336, 128256)
_QWEN25_1B5: Final = ModelShape(28, 1536, 12, 2, 128, 8960, 151936, tied=True)

# From the config.json of each model on the hub. "-Base" and "-Instruct" models have the same shape.
SHAPES: Final[Mapping[str, ModelShape]] = {
    "Qwen/Qwen3-0.6B": ModelShape(28, 1024, 16, 8, 128, 3072, 151936, tied=True),
    "Qwen/Qwen3-1.7B": ModelShape(28, 2048, 16, 8, 128, 6144, 151936, tied=True),
    "Qwen/Qwen3-4B": ModelShape(36, 2560, 32, 8, 128, 9728, 151936, tied=True),
    "Qwen/Qwen3-8B": ModelShape(36, 4096, 32, 8, 128, 12288, 151936),
    "Qwen/Qwen3-14B": ModelShape(40, 5120, 40, 8, 128, 17408, 151936),
    "Qwen/Qwen3-32B": ModelShape(64, 5120, 64, 8, 128, 25600, 151936),
    "Qwen/Qwen3-30B-A3B": ModelShape(48, 2048, 32, 4, 128, 768, 151936, experts=128, chosen=8),
    "Qwen/Qwen3-235B-A22B": ModelShape(94, 4096, 64, 4, 128, 1536, 151936, experts=128, chosen=8),
    "Qwen/Qwen2.5-0.5B": ModelShape(24, 896, 14, 2, 64, 4864, 151936, tied=True),
    "Qwen/Qwen2.5-1.5B": _QWEN25_1B5,
    "Qwen/Qwen2.5-Math-1.5B": _QWEN25_1B5,
    "Qwen/Qwen2.5-7B": _DISTILL_7B,
    "Qwen/Qwen2.5-Math-7B": _DISTILL_7B,
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": ModelShape(28, 1536, 12, 2, 128, 8960, 151936),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B": _DISTILL_7B,
    "meta-llama/Meta-Llama-3-8B": _LLAMA_8B,
    "meta-llama/Llama-3.1-8B": _LLAMA_8B,
    "meta-llama/Llama-3.2-1B": ModelShape(16, 2048, 32, 8, 64, 8192, 128256, tied=True),
    "meta-llama/Llama-3.2-3B": ModelShape(28, 3072, 24, 8, 128, 8192, 128256, tied=True),
}


def find_shape(path: str) -> ModelShape | None:
    """Return the shape of a model by its hub name or its folder's config.json, or None."""
    known = SHAPES.get(path.removesuffix("-Base").removesuffix("-Instruct"))
    if known is not None:
        return known
    try:
        source = locate_model(path)
        written = json.loads((source / "config.json").read_text("utf-8")) if isinstance(source, Path) else {}
        return _read(written)
    except (ModelError, OSError, ValueError, KeyError, TypeError):  # a foreign file of any architecture
        return None


def _read(config: Mapping[str, Any]) -> ModelShape:
    heads = config["num_attention_heads"]
    experts = config.get("num_experts", config.get("num_local_experts", 1))
    return ModelShape(
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        query_heads=heads,
        key_heads=config.get("num_key_value_heads", heads),
        head_size=config.get("head_dim") or config["hidden_size"] // heads,
        intermediate=config["moe_intermediate_size"]
        if "moe_intermediate_size" in config
        else config["intermediate_size"],
        vocabulary=config["vocab_size"],
        tied=config.get("tie_word_embeddings", False),
        experts=experts,
        chosen=config.get("num_experts_per_tok", 1) if experts > 1 else 1,
    )
