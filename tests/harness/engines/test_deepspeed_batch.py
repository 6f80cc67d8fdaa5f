"""What ranks read, and how their values come back, without DeepSpeed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.engines.deepspeed.batch import Minibatch
from tests.harness.engines.learners import rule, signal_of, stale
from tests.harness.engines.policies import random_samples

RANKS = pytest.mark.parametrize(("ranks", "tokens"), [(1, 1000), (2, 1000), (2, 30), (3, 20), (5, 15)])


@RANKS
def test_values_come_back_to_the_tokens_that_a_rank_has_read(ranks: int, tokens: int) -> None:
    samples = random_samples(prompts=6, group_size=4)
    minibatch = Minibatch.of(samples, slice(0, 24), ranks, tokens)
    read = [
        np.concatenate([part.open().targets().numpy() for chunks in minibatch.tokens(rank) for part in chunks])
        for rank in range(ranks)
    ]
    found = minibatch.gathered([ids.astype(np.float32) for ids in read])
    assert torch.equal(found, (samples.response_ids * samples.response_mask).float())


@RANKS
def test_the_losses_of_all_ranks_add_up_to_that_of_one_process(ranks: int, tokens: int) -> None:
    samples, chosen = random_samples(prompts=6, group_size=4), rule("grpo")
    log_probs = -torch.rand(samples.response_mask.shape, generator=torch.Generator().manual_seed(3))
    log_probs = log_probs.masked_fill(~samples.response_mask, 0.0)
    signal = signal_of(samples, chosen, stale(log_probs).masked_fill(~samples.response_mask, 0.0))
    minibatch = Minibatch.of(samples, slice(0, 24), ranks, tokens)
    weights = chosen.loss_weights(signal, minibatch.numbers)
    total = 0.0
    for rank in range(ranks):
        for chunks, share in zip(minibatch.passes, minibatch.shares(signal, weights, rank), strict=True):
            rows = [row for chunk in chunks for row in chunk[rank]]
            assert (share is None) == (not rows)
            if share is not None:
                values = torch.cat([log_probs[row][samples.response_mask[row]] for row in rows])
                total += share.loss(chosen, values, torch.zeros_like(values)).item()
    assert total == pytest.approx(chosen.loss(log_probs, signal, weights).item(), rel=1e-5)
