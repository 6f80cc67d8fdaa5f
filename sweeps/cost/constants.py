"""The constants of the cost model: two that are fitted, the others with their sources. docs/planning.md has both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fitted:
    """Fitted by ``python -m sweeps.cost.fit`` on the published steps."""

    compute_share: float = 0.485  # of a GPU's peak, that training and scoring reach
    sequence_seconds: float = 1.89e-4  # per running sequence and token: scheduling, sampling, text


FITTED: Final = Fitted()

# Decoding. Streaming from HBM reaches about four fifths of the data sheet's bandwidth. A layer's kernels and a
# reduction within a node have latencies of this order; between nodes a reduction takes some four times as long.
BANDWIDTH_SHARE: Final = 0.8
LAYER_SECONDS: Final = 3e-5
REDUCE_SECONDS: Final = 1.5e-5  # two a layer, where a model is split
BETWEEN_NODES: Final = 4
SAMPLER_SHARE: Final = 0.6  # of memory, the sampler's at most beside a trainer (default of NeMo-RL and of verl)
SPLIT_AT: Final = 0.4  # a sampler's GPU holds no more of weights, in shares of its memory: the choice in all recipes

# Training. 30B-A3B reaches 16.6 % of the peak where the dense 4B reaches 28.4 % (prime-rl, benchmarks/results/
# BENCHMARKS.md, SFT Full, 16k, 8xH200).
EXPERTS_SHARE: Final = 0.58

# Beside the phases. verl's steps are 3 to 7 % longer than their phases (docs/advance/fully_async.md); handing 235B
# parameters over took 58.6 s there.
REST_SHARE: Final = 0.05
SYNC_RATE: Final = 8e9  # B/s
START_SECONDS: Final = 300.0  # loading weights and starting both engines, once a run; a guess
