from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, strategies as st

from tests.tricks.batches import DTYPES, assert_agree, in_both_precisions, mask_of, rollouts, rule, signal
from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.batch import Signal

Aggregation = TokenMean | SequenceMean | SequenceSum | ConstantLength

# Three prompts with lengths 4 1, 2 3 and 2; a filter took the last two responses.
LENGTHS, KEPT = [4, 1, 2, 3, 2], [True, True, True, False, False]
GROUP, MICRO_BATCH = [8, 8, 1, 1, 5], [0, 1, 1, 0, 2]
SCOPES = ["update", "micro_batch", "prompt"]


def example(dtype: torch.dtype = torch.float64, **others: Any) -> Signal:
    kept = mask_of(LENGTHS) & torch.tensor(KEPT)[:, None]
    fields = {"group": torch.tensor(GROUP), "response_mask": kept, **others}
    return signal([0.0] * 5, lengths=LENGTHS, dtype=dtype, **fields)


def weights(trick: Aggregation, given_signal: Signal) -> torch.Tensor:
    return trick.loss_weights(given_signal, torch.tensor(MICRO_BATCH))


@in_both_precisions
@pytest.mark.parametrize(
    ("trick", "expected"),
    [
        # Seven tokens are kept of 4 1 2; of all twelve; with one for each filtered response it is nine.
        (TokenMean(), [1 / 7, 1 / 7, 1 / 7]),
        (TokenMean(count="all"), [1 / 12, 1 / 12, 1 / 12]),
        (TokenMean(count="at_least_one"), [1 / 9, 1 / 9, 1 / 9]),
        # Prompts keep 5 and 2 tokens; the third has none and is no prompt, unless all tokens count: 5, 5 and 2.
        (TokenMean("prompt"), [1 / 10, 1 / 10, 1 / 4]),
        (TokenMean("prompt", "all"), [1 / 15, 1 / 15, 1 / 15]),
        (TokenMean("prompt", "at_least_one"), [1 / 15, 1 / 15, 1 / 9]),
        # Micro-batches keep 4, 3 and 0 tokens; the empty one still is one of three.
        (TokenMean("micro_batch"), [1 / 12, 1 / 9, 1 / 9]),
        (TokenMean("micro_batch", "all"), [1 / 21, 1 / 9, 1 / 9]),
        (TokenMean("micro_batch", "at_least_one"), [1 / 15, 1 / 9, 1 / 9]),
        # Three responses count, or all five.
        (SequenceMean(), [1 / 12, 1 / 3, 1 / 6]),
        (SequenceMean(count="all"), [1 / 20, 1 / 5, 1 / 10]),
        (SequenceMean("prompt"), [1 / 16, 1 / 4, 1 / 4]),
        (SequenceMean("prompt", "all"), [1 / 24, 1 / 6, 1 / 12]),
        (SequenceMean("micro_batch"), [1 / 12, 1 / 6, 1 / 12]),
        (SequenceMean("micro_batch", "all"), [1 / 24, 1 / 6, 1 / 12]),
        (SequenceSum(), [1 / 3, 1 / 3, 1 / 3]),
        (SequenceSum(count="all"), [1 / 5, 1 / 5, 1 / 5]),
        (SequenceSum("prompt"), [1 / 4, 1 / 4, 1 / 2]),
        (SequenceSum("prompt", "all"), [1 / 6, 1 / 6, 1 / 6]),
        (SequenceSum("micro_batch"), [1 / 3, 1 / 6, 1 / 6]),
        (SequenceSum("micro_batch", "all"), [1 / 6, 1 / 6, 1 / 6]),
        # The limit of the run is 6 tokens, the padded width 4.
        (ConstantLength(), [1 / 18] * 3),
        (ConstantLength(count="all"), [1 / 30] * 3),
        (ConstantLength("padded"), [1 / 12] * 3),
        (ConstantLength(10), [1 / 30] * 3),
        (ConstantLength("padded", per_response=False), [1 / 4] * 3),
        (ConstantLength("padded", "prompt"), [1 / 16, 1 / 16, 1 / 8]),
        (ConstantLength("padded", "prompt", "all"), [1 / 24] * 3),
        (ConstantLength("padded", "prompt", per_response=False), [1 / 8] * 3),
        (ConstantLength("padded", "micro_batch"), [1 / 12, 1 / 24, 1 / 24]),
        (ConstantLength("padded", "micro_batch", "all"), [1 / 24, 1 / 24, 1 / 24]),
        (ConstantLength("padded", "micro_batch", per_response=False), [1 / 12] * 3),
    ],
    ids=repr,
)
def test_each_scope_and_count_gives_the_weights_worked_out_by_hand(
    trick: Aggregation, expected: list[float], dtype: torch.dtype
) -> None:
    found = weights(trick, example(dtype, max_response_length=6))
    assert_agree(found, [[weight] for weight in [*expected, 0.0, 0.0]])


def test_a_constant_length_without_a_limit_is_the_padded_width() -> None:
    assert_agree(weights(ConstantLength(), example()), weights(ConstantLength("padded"), example()))


@pytest.mark.parametrize("trick", [TokenMean(), SequenceMean(), SequenceSum(), ConstantLength("padded")], ids=repr)
def test_tokens_of_the_loss_that_no_denominator_counts_make_the_others_weigh_more(trick: Aggregation) -> None:
    # As if the filter had taken the rows from the denominators alone: they have the weights of the rows that count.
    counted = example().response_mask
    inside = example(counted=counted, response_mask=mask_of(LENGTHS))
    assert_agree(weights(trick, inside)[:3], weights(trick, example())[:3])
    assert (weights(trick, inside)[3:] > 0).all()


@pytest.mark.parametrize("count", ["kept", "all"])
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("cls", [TokenMean, SequenceMean])
@given(rows=st.lists(st.tuples(st.integers(1, 9), st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_means_weigh_all_that_they_count_with_one(
    cls: type[TokenMean | SequenceMean], scope: str, count: str, rows: list[tuple[int, int, int]]
) -> None:
    # Nothing is filtered here, and so no prompt and no micro-batch is empty.
    lengths, group, micro_batch = ([*column] for column in zip(*rows, strict=True))
    given_signal = signal([0.0] * len(rows), lengths=lengths, dtype=torch.float64, group=torch.tensor(group))
    found = cls(scope, count).loss_weights(given_signal, torch.tensor(micro_batch))
    assert_agree((found * given_signal.response_mask).sum(), 1.0)


@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any),
    scope=st.sampled_from(["update", "prompt"]),
)
@pytest.mark.parametrize("trick", [TokenMean, SequenceMean])
def test_responses_without_tokens_take_no_weight_from_the_others(
    trick: type[TokenMean | SequenceMean], lengths: list[int], scope: str
) -> None:
    given_signal = signal(
        [0.0] * len(lengths), lengths=lengths, dtype=torch.float64, group=torch.arange(len(lengths)) % 3
    )
    found = trick(scope).loss_weights(given_signal, torch.zeros(len(lengths), dtype=torch.int64))
    assert_agree((found * given_signal.response_mask).sum(), 1.0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_micro_batches_of_one_response_turn_the_token_mean_into_the_sequence_mean(dtype: torch.dtype) -> None:
    given_signal, alone = example(dtype), torch.arange(5)
    found = TokenMean("micro_batch").loss_weights(given_signal, alone)
    assert_agree(found, SequenceMean("update", "all").loss_weights(given_signal, alone))


def test_names_of_prompts_and_micro_batches_never_matter() -> None:
    given_signal = example()
    renamed = example(group=torch.tensor([-7, -7, 90, 90, 3]))
    for scope in SCOPES:
        found = TokenMean(scope).loss_weights(renamed, torch.tensor([5, -2, -2, 5, 70]))
        assert_agree(found, TokenMean(scope).loss_weights(given_signal, torch.tensor(MICRO_BATCH)))


def test_filtered_samples_leave_the_denominator_or_stay() -> None:
    # Two responses of 3 and 1 tokens, the long one truncated.
    batch = rollouts([1.0, 0.0], [0, 0], lengths=[3, 1], truncated=[True, False])
    for count, weight in (("kept", 1.0), ("all", 1 / 4)):
        update_rule = rule("overlong_filter", mean=TokenMean(count=count))
        assert_agree(update_rule.loss_weights(update_rule.signal(batch)), [[0.0], [weight]])
