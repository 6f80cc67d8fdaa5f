from __future__ import annotations

import pytest
import torch
from hypothesis import given, strategies as st

from harness.engines.deepspeed.batch import plan_passes, rows_of

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=40)


@given(LENGTHS, st.integers(1, 5), st.integers(1, 200))
def test_every_sample_is_read_once_and_ranks_read_equally_often(lengths: list[int], ranks: int, tokens: int) -> None:
    passes = plan_passes(torch.tensor(lengths), ranks, tokens)
    assert sorted(row for rank in range(ranks) for row in rows_of(passes, rank)) == list(range(len(lengths)))
    assert all(len(chunk) == ranks for chunks in passes for chunk in chunks)


@given(LENGTHS, st.integers(1, 5), st.integers(1, 200))
def test_a_pass_holds_its_tokens_with_padding_or_one_sample_a_rank(lengths: list[int], ranks: int, tokens: int) -> None:
    for chunks in plan_passes(torch.tensor(lengths), ranks, tokens):
        for rank in range(ranks):
            rows = [chunk[rank] for chunk in chunks]
            padded = sum(len(chunk) * max(lengths[row] for row in chunk) for chunk in rows if chunk)
            assert padded <= tokens or sum(map(len, rows)) <= 1


@given(LENGTHS, st.integers(1, 5), st.integers(1, 200))
def test_no_rank_has_more_than_a_longest_sample_to_read_than_another(
    lengths: list[int], ranks: int, tokens: int
) -> None:
    passes = plan_passes(torch.tensor(lengths), ranks, tokens)
    loads = [sum(lengths[row] for row in rows_of(passes, rank)) for rank in range(ranks)]
    assert max(loads) - min(loads) <= max(lengths)


def test_samples_of_like_length_share_a_chunk_and_the_loads_even_out() -> None:
    lengths = torch.tensor([10, 50, 48, 9, 41, 40, 8, 2])
    assert plan_passes(lengths, 2, 1000) == ((((1, 5), (2, 4)), ((3, 6), (0, 7))),)
    assert plan_passes(lengths, 2, 100) == ((((1, 5), (2, 4)),), (((3, 6), (0, 7)),))  # 2 x 50 fill a rank


def test_a_rank_without_a_sample_left_has_an_empty_place() -> None:
    assert plan_passes(torch.tensor([5, 7, 6]), 2, 10) == ((((1,), (2,)),), (((), (0,)),))


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_without_room_for_two_samples_each_pass_has_one_a_rank(ranks: int) -> None:
    passes = plan_passes(torch.full((6,), 30), ranks, 59)
    assert len(passes) == 6 // ranks
    assert all(len(chunk) == 1 for chunk in passes[0][0])
