from __future__ import annotations

import pytest

from harness.engines.base.samples import slice_samples, split_micro_batches, split_minibatches
from tests.harness.engines.policies import random_samples


def test_minibatches_are_whole_groups_in_stream_order() -> None:
    assert split_minibatches(random_samples(prompts=6, group_size=4), 3) == [slice(0, 8), slice(8, 16), slice(16, 24)]


def test_uneven_minibatches_differ_by_one_group() -> None:
    sizes = [rows.stop - rows.start for rows in split_minibatches(random_samples(prompts=7, group_size=2), 3)]
    assert sizes == [4, 4, 6]


def test_more_minibatches_than_prompts_are_refused() -> None:
    with pytest.raises(ValueError, match="2 prompts cannot fill 3 minibatches"):
        split_minibatches(random_samples(prompts=2), 3)


def test_micro_batches_cover_all_samples_within_the_bound() -> None:
    samples = random_samples(prompts=5, group_size=4)
    parts = list(split_micro_batches(samples, 30))
    assert [row for rows in parts for row in range(rows.start, rows.stop)] == list(range(20))
    assert len(parts) > 1
    for rows in parts:
        some = slice_samples(samples, rows)
        tokens = some.response_mask.sum() + some.prompt_mask.sum(dim=1)[some.group].sum()
        assert tokens <= 30


def test_a_micro_batch_ends_only_where_the_next_sample_has_no_room() -> None:
    samples = random_samples(prompts=5, group_size=4)
    lengths = (samples.response_mask.sum(dim=1) + samples.prompt_mask.sum(dim=1)[samples.group]).tolist()
    parts = list(split_micro_batches(samples, 30))
    for rows in parts[:-1]:
        assert sum(lengths[rows]) + lengths[rows.stop] > 30


def test_a_sample_beyond_the_bound_stands_alone() -> None:
    assert list(split_micro_batches(random_samples(prompts=1, group_size=3), 1)) == [
        slice(0, 1),
        slice(1, 2),
        slice(2, 3),
    ]


def test_taken_samples_bring_the_prompts_they_answer() -> None:
    samples = random_samples(prompts=4, group_size=3)
    some = slice_samples(samples, slice(4, 8))  # of prompts 1 and 2
    assert some.group.tolist() == [0, 0, 1, 1]
    assert some.prompt_ids.tolist() == samples.prompt_ids[1:3].tolist()
    assert some.response_ids.tolist() == samples.response_ids[4:8].tolist()
