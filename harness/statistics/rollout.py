"""What a batch of responses looks like, split by right and wrong: the numbers of the paper's Figs. 9, 14 and 20."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from harness.statistics.probabilities import shares
from harness.statistics.repetition import repeated

if TYPE_CHECKING:
    from torch import Tensor

    from harness.engines.protocols import Samples


def describe(samples: Samples, right: Tensor, log_probs: Tensor) -> dict[str, float]:
    """Metrics of B responses. ``right`` (B,) bool is the verifier's word, ``log_probs`` (B, T) the policy's.

    A metric of responses of which the batch has none is left out.
    """
    right = right.to(samples.truncated.device)
    ran_on = repeated(samples.response_ids, samples.response_mask, samples.truncated)
    lengths = samples.response_mask.sum(dim=1)
    found: dict[str, float] = {}
    for word, chosen in (("right", right), ("wrong", ~right)):
        found |= _mean(f"response/length_{word}", lengths, chosen)
        found |= _mean(f"response/truncated_{word}", samples.truncated, chosen)
        found |= _mean(f"response/repeated_{word}", ran_on, chosen & samples.truncated)
    return found | shares(log_probs[samples.response_mask])


def _mean(name: str, values: Tensor, chosen: Tensor) -> dict[str, float]:
    picked = values[chosen]
    return {name: picked.to(torch.float64).mean().item()} if len(picked) else {}
