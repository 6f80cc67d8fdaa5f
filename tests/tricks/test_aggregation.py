from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from tricks.aggregation import SequenceMean, TokenMean

MASK = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)  # lengths 4, 1 and filtered


def test_token_mean_weighs_every_token_alike() -> None:
    assert_close(TokenMean().loss_weights(MASK), torch.tensor([[1 / 5], [1 / 5], [0.0]]))


def test_sequence_mean_weighs_every_response_alike() -> None:
    # Two responses count, so each is 1/2 spread over its tokens.
    assert_close(SequenceMean().loss_weights(MASK), torch.tensor([[1 / 8], [1 / 2], [0.0]]))


@pytest.mark.parametrize("trick", [TokenMean(), SequenceMean()])
@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any))
def test_weights_sum_to_one_over_the_kept_tokens(trick: TokenMean | SequenceMean, lengths: list[int]) -> None:
    mask = torch.arange(9) < torch.tensor(lengths)[:, None]
    assert_close((trick.loss_weights(mask) * mask).sum(), torch.tensor(1.0))


@pytest.mark.parametrize("trick", [TokenMean(), SequenceMean()])
def test_nothing_kept_gives_no_weight_and_no_division_by_zero(trick: TokenMean | SequenceMean) -> None:
    assert trick.loss_weights(torch.zeros(3, 4, dtype=torch.bool)).tolist() == [[0.0]] * 3


def test_the_two_agree_on_responses_of_one_length() -> None:
    mask = torch.ones(3, 5, dtype=torch.bool)
    assert_close(TokenMean().loss_weights(mask), SequenceMean().loss_weights(mask))
