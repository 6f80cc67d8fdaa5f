from __future__ import annotations

import random

import pytest
import torch

from harness.rollouts import metrics as repetition
from harness.rollouts.metrics import LEAST_TOKENS, mask_repetitive

NOISE = list(range(1000, 1400))  # no token twice


def tail(before: int, block: list[int], after: int) -> torch.Tensor:
    """A response of ``before`` tokens that differ, then copies of the block until ``after`` tokens are full."""
    copies = block * (after // len(block) + 1)
    return torch.tensor(NOISE[:before] + copies[:after])


def repeats(ids: torch.Tensor) -> bool:
    """The verdict on one response."""
    return bool(repetition.mask_repeating_rows(ids[None]))


@pytest.mark.parametrize("block", [[7], [7, 8], [7, 7, 8], list(range(31))])
def test_sixty_four_tokens_of_copies_are_a_repetition_and_sixty_three_are_not(block: list[int]) -> None:
    assert repeats(tail(200, block, 64))
    assert not repeats(tail(200, block, 63))


@pytest.mark.parametrize("size", [40, 65, 150])
def test_a_longer_block_is_repeated_when_two_whole_copies_stand(size: int) -> None:
    block = list(range(size))
    assert repeats(tail(100, block, 2 * size))
    assert not repeats(tail(100, block, 2 * size - 1))


def test_the_last_copy_may_be_cut_anywhere() -> None:
    block = list(range(20))
    assert all(repeats(tail(100, block, 80 + cut)) for cut in range(20))


def test_of_a_short_response_half_must_be_copies() -> None:
    assert repeats(tail(10, [7, 8], 10))
    assert not repeats(tail(11, [7, 8], 9))  # 10 of 20 would do
    assert repeats(tail(10, [7, 8], 11))  # 11 of 21 are needed, and there


def test_copies_count_at_the_end_only() -> None:
    looped = tail(0, [1, 2, 3], 90)
    assert not repeats(torch.cat((looped, torch.tensor(NOISE[:1]))))
    assert not repeats(torch.cat((looped, torch.tensor(NOISE[:300]), looped[:30])))


def test_copies_that_differ_in_one_token_are_none() -> None:
    ids = tail(100, list(range(10)), 64)
    ids[-15] += 500
    assert not repeats(ids)


def test_a_response_of_different_tokens_does_not_repeat() -> None:
    assert not repeats(torch.tensor(NOISE))
    assert not repeats(torch.tensor([3]))
    assert not repeats(torch.tensor([3, 4]))
    assert repeats(torch.tensor([3, 3]))


def test_the_rule_agrees_with_its_plainest_reading() -> None:
    draw = random.Random(0)

    def plainly(ids: list[int]) -> bool:
        least = min(LEAST_TOKENS, (len(ids) + 1) // 2)
        for block in range(1, len(ids) // 2 + 1):
            end = ids[-max(2 * block, least) :]
            if len(end) == max(2 * block, least) and all(a == b for a, b in zip(end, end[block:], strict=False)):
                return True
        return False

    verdicts = []
    for _ in range(600):
        head = [draw.randrange(3) for _ in range(draw.randrange(0, 80))]
        block = [draw.randrange(3) for _ in range(draw.randrange(1, 50))]
        ids = head + (block * 80)[: draw.randrange(1, 130)]
        verdicts.append(plainly(ids))
        assert repeats(torch.tensor(ids)) == verdicts[-1], ids
    assert 100 < sum(verdicts) < 500


def test_only_truncated_responses_count_and_padding_does_not() -> None:
    looping = tail(20, [5], 70)
    ids = torch.stack((looping, looping, torch.tensor(NOISE[:90]), looping))
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[3, 40:] = False  # 20 tokens that differ, 20 copies: half of the response
    truncated = torch.tensor([True, False, True, True])
    assert mask_repetitive(ids, mask, truncated).tolist() == [True, False, False, True]
    mask[3, 39:] = False
    assert mask_repetitive(ids, mask, truncated).tolist() == [True, False, False, False]


def test_rows_do_not_depend_on_each_other() -> None:
    rows = torch.stack([tail(90, [7, 8], 64), torch.tensor(NOISE[:154]), tail(24, [1, 2, 3], 130), tail(100, [7], 54)])
    assert repetition.mask_repeating_rows(rows).tolist() == [True, False, True, False]
    assert repetition.mask_repeating_rows(rows[:0]).tolist() == []


def test_truncated_responses_may_differ_in_length() -> None:
    ids, mask = torch.full((2, 90), 5), torch.arange(90) < torch.tensor([[90], [30]])
    ids[1, :20] = torch.tensor(NOISE[:20])
    assert mask_repetitive(ids, mask, torch.tensor([True, True])).tolist() == [True, False]
