"""GPUs, clusters of GPUs, and the constants of the cost model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.common.schema import SchemaError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping


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
