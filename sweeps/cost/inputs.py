"""The inputs of the cost model: GPUs and clusters, and the shapes of models.

A shape holds the fields of config.json that a cost needs.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.common import SchemaError, suggest
from harness.models import ModelError, locate_model


@dataclass(frozen=True, slots=True)
class Fitted:
    """Constants that ``python -m tools.cost_fit`` fits to published step times."""

    compute_share: float = 0.485  # share of a GPU's peak in training and log-prob passes
    sequence_seconds: float = 1.89e-4  # per running sequence and token: scheduling, sampling, text


FITTED: Final = Fitted()

# Decoding. Streaming from HBM reaches about 80 % of the data sheet's bandwidth. A layer's kernels and a
# reduction within a node have latencies of this order; between nodes a reduction takes about four times as long.
BANDWIDTH_SHARE: Final = 0.8
LAYER_SECONDS: Final = 3e-5
REDUCE_SECONDS: Final = 1.5e-5  # two per layer, where a model is split
BETWEEN_NODES: Final = 4
SAMPLER_SHARE: Final = 0.6  # largest memory share of the sampler next to a trainer (default of NeMo-RL and of verl)
SPLIT_AT: Final = 0.4  # largest memory share of weights on a sampler's GPU: the choice in all recipes

# Training. 30B-A3B reaches 16.6 % of the peak where the dense 4B reaches 28.4 % (prime-rl, benchmarks/results/
# BENCHMARKS.md, SFT Full, 16k, 8xH200).
EXPERTS_SHARE: Final = 0.58

# Outside the phases. verl's steps are 3 to 7 % longer than their phases (docs/advance/fully_async.md); transferring
# 235B parameters took 58.6 s there.
REST_SHARE: Final = 0.05
SYNC_RATE: Final = 8e9  # B/s
START_SECONDS: Final = 300.0  # loading weights and starting both engines, once per run; a guess


GB: Final = 1e9
_WRITTEN: Final = re.compile(r"(?:(\d+)x)?(\d+)x([A-Za-z]\w*)")
_MOST: Final = 4096  # GPUs; a larger number is a typo


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU, with the numbers of its data sheet."""

    name: str
    peak: float  # FLOP/s in bfloat16, dense
    bandwidth: float  # B/s of its memory
    memory: float  # bytes
    node: int = 8  # GPUs connected by one fast link


# NVIDIA data sheets: H100 and H200 SXM, A100 SXM 80 GB, L40, RTX A6000, GB200 NVL72 (half a superchip each).
# The H800 is an H100 with a slower link; the H20 has a seventh of the H100's compute.
DEVICES: Final[Mapping[str, Device]] = {
    device.name: device
    for device in (
        Device("H100", 989e12, 3.35e12, 80 * GB),
        Device("H200", 989e12, 4.8e12, 141 * GB),
        Device("H800", 989e12, 3.35e12, 80 * GB),
        Device("H20", 148e12, 4.0e12, 96 * GB),
        Device("A100", 312e12, 2.04e12, 80 * GB),
        Device("L40", 181e12, 0.864e12, 48 * GB),
        Device("A6000", 155e12, 0.768e12, 48 * GB),
        Device("GB200", 2500e12, 8.0e12, 186 * GB, node=72),
    )
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """Nodes with GPUs of one kind."""

    nodes: int
    per_node: int
    device: Device

    @property
    def gpus(self) -> int:
        """The number of GPUs of all nodes."""
        return self.nodes * self.per_node

    def __str__(self) -> str:
        return f"{self.nodes}x" * (self.nodes > 1) + f"{self.per_node}x{self.device.name}"


def parse_cluster(written: str) -> Cluster:
    """Read ``8xH100`` or ``2x8xH100``; 16xH100 means two nodes.

    Raises SchemaError with the way out.
    """
    found = _WRITTEN.fullmatch(written.strip())
    if not found:
        raise SchemaError(f"cluster={written}: write GPUs and their name, such as 8xH100, or nodes first: 2x8xH100")
    nodes, count, name = int(found[1] or 1), int(found[2]), found[3].upper()
    if name not in DEVICES:
        raise SchemaError(f"cluster={written}: no GPU {found[3]!r}; {suggest(name, DEVICES)}")
    if not 0 < nodes * count <= _MOST:
        raise SchemaError(f"cluster={written}: {nodes * count} GPUs; give between 1 and {_MOST}")
    return _in_nodes(written, nodes, count, DEVICES[name])


def _in_nodes(written: str, nodes: int, count: int, device: Device) -> Cluster:
    if count <= device.node:
        return Cluster(nodes, count, device)
    if count % device.node:
        whole = f"{count // device.node + 1}x{device.node}x{device.name}"
        raise SchemaError(
            f"cluster={written}: a node holds {device.node} {device.name}; write whole ones, such as {whole}"
        )
    return Cluster(nodes * count // device.node, device.node, device)


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
