r"""Bytes that one GPU holds while it trains and while it samples.

Under ZeRO-3 the states of N parameters on n GPUs are :math:`16 N / n`: bfloat16 weights and gradients, and float32
weights, momentum and variance (Rajbhandari et al., arXiv:1910.02054, section 3.1). A micro-batch of T tokens keeps the
input of every layer, :math:`2 T h L`, and all activations of the layer that is computed again, with their gradients:
:math:`4 T (4 h + 2 (q + k) d + 4 f)`, counted as Korthikanti et al. do (arXiv:2205.05198, section 4.1) for q query and
k key heads of size d, gated layers of width f and fused attention, which keeps no scores. Without checkpointing every
layer keeps half of that. Two layers' weights are gathered at a time, and the embeddings. The head's logits exist in
chunks, as in ``harness.engines.head``. While the sampler is awake the trainer's states stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sweeps.cost.constants import SAMPLER_SHARE
from sweeps.cost.generation import split
from sweeps.cost.models import HALF

if TYPE_CHECKING:
    from sweeps.cost.hardware import Cluster
    from sweeps.cost.models import ModelShape

STATES: Final = 16  # bytes a parameter
LOGITS: Final = 3 * 4 * 2**25  # bytes: a chunk in float32 with its softmax and gradient
RUNTIME: Final = 2e9  # CUDA context, NCCL buffers; a guess
USABLE: Final = 0.95  # of a GPU's memory; the rest is lost to fragments


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one GPU in a step's two halves, and what it has."""

    states: float
    activations: float
    sampler: float  # weights and cache
    usable: float
    cached: float  # tokens that the cache of a whole replica holds

    @property
    def training(self) -> float:
        """At the peak of an update; the sampler sleeps."""
        return self.states + self.activations + RUNTIME

    @property
    def sampling(self) -> float:
        """While responses are sampled."""
        return self.states + self.sampler + RUNTIME

    @property
    def peak(self) -> float:
        """The larger of both."""
        return max(self.training, self.sampling)


def memory(model: ModelShape, cluster: Cluster, micro_batch: int, longest: int, recompute: bool) -> Memory:
    """What a run holds. ``longest``: tokens of the longest prompt with its response, which one forward pass takes."""
    usable = USABLE * cluster.device.memory
    states = STATES * model.parameters / cluster.gpus
    parts = min(split(model, cluster.device), cluster.gpus)
    sampler = max(min(SAMPLER_SHARE * cluster.device.memory, usable - states - RUNTIME), 0.0)
    return Memory(
        states=states,
        activations=_activations(model, max(micro_batch, longest), recompute),
        sampler=max(sampler, HALF * model.parameters / parts),
        usable=usable,
        cached=max(parts * sampler - HALF * model.parameters, 0.0) / model.cache_bytes,
    )


def unfit(held: Memory, longest: int) -> str | None:
    """Why it does not fit, in words, or None."""
    if held.training > held.usable:
        return f"training needs {held.training / 1e9:.0f} of {held.usable / 1e9:.0f} GB a GPU"
    if held.sampling > held.usable:
        return f"trainer and sampler need {held.sampling / 1e9:.0f} of {held.usable / 1e9:.0f} GB a GPU"
    if held.cached < longest:
        return f"the sampler's cache holds {held.cached:,.0f} of the {longest:,} tokens of one response"
    return None


def _activations(model: ModelShape, tokens: int, recompute: bool) -> float:
    heads = 2 * (model.query_heads + model.key_heads) * model.head_size
    of_layer = HALF * tokens * (4 * model.hidden + heads + 4 * model.chosen * model.intermediate)
    kept = HALF * tokens * model.hidden * model.layers if recompute else of_layer * (model.layers - 1)
    layer = (model.attention + model.experts * model.expert) / model.layers
    gathered = HALF * (2 * layer + (1 if model.tied else 2) * model.head)
    return kept + 2 * of_layer + gathered + LOGITS
