"""How hard problems are before training: prompts by number correct of k samples (the paper's Fig. 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.paper.run_files import start_outcomes
from analysis.stats import Estimate, estimate
from harness.outcomes import Evaluation

if TYPE_CHECKING:
    from analysis.paper.source import Source

TIER: Final = "arithmetic"  # the benchmark whose problems are of the tier that is trained on


def counts(source: Source, cell: int) -> tuple[Estimate, ...]:
    """Share of prompts with 0, 1, ... k samples right, each over prompts; empty where no run left its outcomes."""
    outcomes = start_outcomes(source, cell)
    if outcomes is None or TIER not in set(outcomes["benchmark"]):
        return ()
    right = Evaluation.of(outcomes[outcomes["benchmark"] == TIER]).right
    solved = right.sum(axis=1)
    found = (estimate((solved == number).astype(float).tolist()) for number in range(right.shape[1] + 1))
    return tuple(share for share in found if share is not None)
