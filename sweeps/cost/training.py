r"""Seconds of scoring and training: floating-point operations over the share of the peak that is attained.

A forward pass over a sequence of s tokens takes :math:`2 N s + 2 L d s^2` operations, with N active parameters, L
layers and attention of width d, half of whose products the causal mask leaves out. The backward pass takes twice
that, and recomputing activations once more (Kaplan et al., arXiv:2001.08361, section 2.1; Korthikanti et al.,
arXiv:2205.05198, section 5). Batches are balanced over GPUs, but no GPU is done before its longest response is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweeps.cost.constants import EXPERTS_SHARE

if TYPE_CHECKING:
    from sweeps.cost.constants import Fitted
    from sweeps.cost.hardware import Cluster
    from sweeps.cost.models import ModelShape
    from sweeps.cost.work import Work


def forward(model: ModelShape, tokens: float, squares: float) -> float:
    """Operations of a forward pass over sequences with these sums of lengths and of squared lengths."""
    return 2 * model.active * tokens + 2 * model.layers * model.query_heads * model.head_size * squares


def log_prob_seconds(model: ModelShape, cluster: Cluster, work: Work, fitted: Fitted) -> float:
    """Seconds of the old log-probabilities, and of those of the reference model where a rule needs them."""
    return (1 + work.reference) * _pass(model, cluster, work, work.responses) / _rate(model, cluster, fitted)


def update_seconds(model: ModelShape, cluster: Cluster, work: Work, fitted: Fitted) -> float:
    """Seconds of all updates of a step."""
    each = _pass(model, cluster, work, work.responses * work.epochs / work.updates)
    return work.updates * (3 + work.recompute) * each / _rate(model, cluster, fitted)


def _pass(model: ModelShape, cluster: Cluster, work: Work, responses: float) -> float:
    """Operations of the busiest GPU in a forward pass over so many responses."""
    even = forward(model, responses * (work.prompt + work.lengths.mean), responses * work.lengths.square(work.prompt))
    longest = work.prompt + work.lengths.longest(responses)
    return max(even / cluster.gpus, forward(model, longest, longest**2))


def _rate(model: ModelShape, cluster: Cluster, fitted: Fitted) -> float:
    """Operations a second of one GPU."""
    return cluster.device.peak * fitted.compute_share * (EXPERTS_SHARE if model.experts > 1 else 1.0)
