"""Estimate the memory of one GPU during training and during sampling, in bytes.

States are those of ``sweeps.cost.setup``, plus a copy of the weights where a rule needs a reference model. A
micro-batch of T tokens keeps the input of every layer, :math:`2 T h L`. It also keeps all activations of the layer that
is recomputed, with their gradients: :math:`4 T (4 h + 2 (q + k) d + 4 f)`. The count follows Korthikanti et al.
(arXiv:2205.05198, section 4.1) for q query and k key heads of size d, gated layers of width f and fused attention,
which keeps no scores. Float32 takes twice as much. Without checkpointing every layer keeps half of that. Where weights
are partitioned, two layers and the embeddings are gathered at a time. Logits of the head exist in chunks, as in
``harness.engines.torch.low_memory``. While the sampler is awake, the trainer's states stay in memory, unless the
sampler has its own GPUs. The sampler takes its share of memory regardless of other uses, and includes its own runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sweeps.cost.inputs import SAMPLER_SHARE

if TYPE_CHECKING:
    from sweeps.cost.inputs import Cluster, ModelShape
    from sweeps.cost.setup import EngineSetup

LOGITS: Final = 3 * 4 * 2**25  # bytes: a chunk in float32 with its softmax and gradient
RUNTIME: Final = 2e9  # CUDA context, NCCL buffers; a guess
USABLE: Final = 0.95  # share of a GPU's memory; the rest is lost to fragmentation
GB: Final = 1e9


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of one GPU in the two phases of a step, in bytes, and what is available."""

    states: float  # states during an update
    resting: float  # states while responses are sampled
    reference: float
    activations: float
    stepping: float  # extra bytes of the optimizer step, when activations are freed
    sampler: float  # the sampler's weights and cache
    served: float  # the sampler's weights
    usable: float
    cached: float  # tokens in the cache of a whole replica
    apart: bool = False  # sampler and trainer have separate GPUs

    @property
    def training(self) -> float:
        """The bytes at the peak of an update, while the sampler sleeps."""
        return self.states + self.reference + max(self.activations, self.stepping) + RUNTIME

    @property
    def sampling(self) -> float:
        """The bytes on a sampler's GPU while responses are sampled."""
        return self.sampler + (0.0 if self.apart else self.resting + self.reference + RUNTIME)

    @property
    def peak(self) -> float:
        """The larger of training and sampling."""
        return max(self.training, self.sampling)


def estimate_memory(model: ModelShape, cluster: Cluster, tokens: int, recompute: bool, set_up: EngineSetup) -> Memory:
    """Return the memory of a run on one GPU.

    Args:
        model: the shape of the model
        cluster: the GPUs of the run
        tokens: tokens of the largest forward pass
        recompute: use gradient checkpointing
        set_up: how the engines divide GPUs and memory

    Returns:
        The bytes by use.

    """
    memory, usable = cluster.device.memory, USABLE * cluster.device.memory
    left = usable - set_up.states.resting - set_up.reference - RUNTIME
    sampler = max(min(SAMPLER_SHARE * memory, left), 0.0) if set_up.share is None else set_up.share * memory
    weights = set_up.served / set_up.parts
    return Memory(
        states=set_up.states.updating,
        resting=set_up.states.resting,
        reference=set_up.reference,
        activations=_activations(model, tokens, recompute, set_up),
        stepping=set_up.states.stepping,
        sampler=max(sampler, weights) if set_up.share is None else sampler,
        served=weights,
        usable=usable,
        cached=max(set_up.parts * sampler - set_up.served, 0.0) / model.cache_bytes,
        apart=set_up.apart,
    )


def explain_unfit(held: Memory, longest: int) -> str | None:
    """Return the reason why a run does not fit and what takes the memory, or None if it fits."""
    usable = f"of {held.usable / GB:.1f} GB per GPU"
    if held.training > held.usable:
        return f"training needs {held.training / GB:.1f} {usable}: {_parts(held, _training(held))}"
    if held.sampling > held.usable and held.apart:
        return f"the sampler takes {held.sampler / GB:.1f} {usable}"
    if held.sampling > held.usable:
        return f"trainer and sampler need {held.sampling / GB:.1f} {usable}: {_parts(held, _sampling(held))}"
    if held.cached < longest:
        weights = f"; its weights take {held.served / GB:.1f} of its {held.sampler / GB:.1f} GB per GPU"
        return f"the sampler's cache holds {held.cached:,.0f} of the {longest:,} tokens of one response{weights}"
    return None


def _training(held: Memory) -> dict[str, float]:
    passing = "activations" if held.activations >= held.stepping else "the optimizer's step"
    return {"states": held.states, passing: max(held.activations, held.stepping)}


def _sampling(held: Memory) -> dict[str, float]:
    return {"states": held.resting, "the sampler": held.sampler}


def _parts(held: Memory, sizes: dict[str, float]) -> str:
    """Return the uses of memory in words, the largest first."""
    named = {**sizes, "the reference model": held.reference, "the runtime": RUNTIME}
    largest = sorted(named.items(), key=lambda part: -part[1])
    return ", ".join(f"{name} {size / GB:.1f}" for name, size in largest if size)


def _activations(model: ModelShape, tokens: int, recompute: bool, set_up: EngineSetup) -> float:
    heads = 2 * (model.query_heads + model.key_heads) * model.head_size
    of_layer = set_up.number * tokens * (4 * model.hidden + heads + 4 * model.chosen * model.intermediate)
    kept = set_up.number * tokens * model.hidden * model.layers if recompute else of_layer * (model.layers - 1)
    layer = (model.attention + model.experts * model.expert) / model.layers
    fetched = set_up.number * (2 * layer + (1 if model.tied else 2) * model.head) * set_up.gathered
    return kept + 2 * of_layer + fetched + LOGITS
