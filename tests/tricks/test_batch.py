from __future__ import annotations

import torch

from tests.tricks.batches import example, rule
from tricks.batch import select_samples


def test_taking_samples_takes_all_that_belongs_to_them() -> None:
    batch, rows = example(), torch.tensor([5, 0, 2])
    taken = select_samples(batch, rows)
    assert taken.rewards.tolist() == batch.rewards[rows].tolist()
    assert torch.equal(taken.old_log_probs, batch.old_log_probs[rows])
    assert torch.equal(taken.ref_log_probs, batch.ref_log_probs[rows])
    assert taken.group.tolist() == batch.group[rows].tolist()
    assert taken.max_response_length == batch.max_response_length
    assert taken.ended is not None
    assert taken.ended.tolist() == batch.ended[rows].tolist()


def test_what_a_batch_lacks_its_samples_lack() -> None:
    batch = select_samples(example(sampler_log_probs=None), torch.tensor([0]))
    assert batch.sampler_log_probs is None


def test_a_signal_gives_the_rows_asked_for_by_slice_or_by_number() -> None:
    signal = rule("group_norm", "truncated_is", "kl_loss", "overlong_filter").signal(example())
    for rows in (slice(1, 4), torch.tensor([1, 2, 3])):
        part = signal[rows]
        assert torch.equal(part.advantages, signal.advantages[1:4])
        assert torch.equal(part.response_mask, signal.response_mask[1:4])
        assert torch.equal(part.sampled_mask, signal.sampled_mask[1:4])
        assert torch.equal(part.token_weights, signal.token_weights[1:4])
        assert torch.equal(part.ref_log_probs, signal.ref_log_probs[1:4])
        assert torch.equal(part.group, signal.group[1:4])
        assert part.max_response_length == signal.max_response_length
