"""Bytes of weights, gradients and optimizer moments per rank, by ZeRO stage and dtype.

For N bfloat16 parameters on n ranks, Rajbhandari et al. (arXiv:1910.02054, section 3.1) count 16 N bytes at stage 0,
and :math:`4 N + 12 N / n`, :math:`2 N + 14 N / n` and :math:`16 N / n` at stages 1, 2 and 3. Ours are larger:
``harness.engines.deepspeed.settings`` accumulates gradients in float32, DeepSpeed 0.19 copies float32 weights before
training, and stage 1 keeps all gradients until the step. The numbers here are those of two ranks on a CPU
(``tests/sweeps/cost/test_states.py`` counts them); those for offload are read from DeepSpeed's source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.config.engines import DeepspeedConfig, Dtype

SIZES: Final[Mapping[str, int]] = {"bfloat16": 2, "float32": 4}  # bytes per number
BUCKET: Final = 500_000_000  # largest number of gradients per reduction
SUB_GROUP: Final = 1_000_000_000  # largest number of parameters per part of a stage 3 step
PAPER: Final = 16.0  # bytes per parameter, summed over all ranks


@dataclass(frozen=True, slots=True)
class RankMemory:
    """The bytes per parameter: those that every rank holds, and those that the ranks share."""

    whole: float
    shared: float

    def of(self, parameters: float, ranks: int) -> float:
        """Return the bytes of one rank."""
        return parameters * (self.whole + self.shared / ranks)


@dataclass(frozen=True, slots=True)
class States:
    """The bytes of one rank in the phases of a step.

    They are those during passes, those between updates, and those that only the optimizer step adds.
    """

    updating: float
    resting: float
    stepping: float = 0.0


# By dtype and stage: during passes, and between updates. DeepSpeed's stage 0 in bfloat16 is refused elsewhere.
_RANKS: Final[Mapping[tuple[str, int], tuple[RankMemory, RankMemory]]] = {
    ("bfloat16", 0): (RankMemory(20, 0), RankMemory(14, 0)),
    ("bfloat16", 1): (RankMemory(8, 12), RankMemory(6, 12)),
    ("bfloat16", 2): (RankMemory(2, 16), RankMemory(2, 12)),
    ("bfloat16", 3): (RankMemory(0, 18), RankMemory(0, 18)),
    ("float32", 0): (RankMemory(16, 0), RankMemory(12, 0)),
    ("float32", 1): (RankMemory(8, 12), RankMemory(4, 12)),
    ("float32", 2): (RankMemory(4, 16), RankMemory(4, 12)),
    ("float32", 3): (RankMemory(0, 20), RankMemory(0, 20)),
}

# The same with optimizer states in main memory: weights, and gradients until they are copied there.
_OFFLOADED: Final[Mapping[tuple[str, int], RankMemory]] = {
    ("bfloat16", 1): RankMemory(8, 0),
    ("bfloat16", 2): RankMemory(2, 4),
    ("bfloat16", 3): RankMemory(0, 2),
    ("float32", 1): RankMemory(8, 0),
    ("float32", 2): RankMemory(4, 4),
    ("float32", 3): RankMemory(0, 4),
}

_ALONE: Final[Mapping[str, RankMemory]] = {
    "bfloat16": RankMemory(18, 0),
    "float32": RankMemory(16, 0),
}  # ``harness.engines.base.optimizer_state``


def count_rank_bytes(chosen: DeepspeedConfig, parameters: int) -> States:
    """Return the bytes of a DeepSpeed rank, with the bucket of gradients.

    Stage 3 never frees the bucket.
    """
    key = chosen.dtype, chosen.zero_stage
    during, between = (_OFFLOADED[key],) * 2 if chosen.offload and chosen.zero_stage else _RANKS[key]
    bucket = SIZES[chosen.dtype] * min(BUCKET, parameters)
    copied = 0.0 if chosen.offload or chosen.zero_stage < 3 else 4.0 * min(SUB_GROUP, parameters / chosen.ranks)
    return States(
        updating=during.of(parameters, chosen.ranks) + bucket,
        resting=between.of(parameters, chosen.ranks) + bucket * (chosen.zero_stage == 3),
        stepping=copied,
    )


def count_process_bytes(dtype: Dtype, parameters: int) -> States:
    """Return the bytes of a learner with one process."""
    held = _ALONE[dtype].of(parameters, 1)
    return States(held, held)


def count_assumed_bytes(parameters: int, gpus: int) -> States:
    """Return the assumed bytes of a run without GPU engines: stage 3 of the paper."""
    held = PAPER * parameters / gpus
    return States(held, held)
