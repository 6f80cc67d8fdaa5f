from __future__ import annotations

import torch

from harness.engines.base.protocols import Samples
from harness.engines.base.samples import select_prompts
from harness.engines.qwen3.packing import pack

# Prompts "5 6 7" and "8", each answered twice: "2 3", "4" and "9", "10 11 12".
PROMPTS = torch.tensor([[5, 6, 7], [0, 0, 8]])
RESPONSES = torch.tensor([[2, 3, 0], [4, 0, 0], [9, 0, 0], [10, 11, 12]])
SAMPLES = Samples(
    PROMPTS,
    PROMPTS > 0,
    torch.tensor([0, 0, 1, 1]),
    RESPONSES,
    RESPONSES > 0,
    torch.zeros(4, dtype=torch.bool),
    torch.zeros(4, 3),
    ("",) * 4,
)


def test_every_prompt_token_is_packed_once_and_last_tokens_not_at_all() -> None:
    packing = pack(SAMPLES)
    assert packing.ids[:-1].tolist() == [5, 6, 7, 8, 2, 10, 11]


def test_positions_count_from_the_first_token_of_the_prompt() -> None:
    packing = pack(SAMPLES)
    assert packing.positions[:-1].tolist() == [0, 1, 2, 0, 3, 1, 2]


def test_targets_name_every_response_token_once() -> None:
    packing = pack(SAMPLES)
    assert RESPONSES.view(-1)[packing.targets].tolist() == [2, 4, 9, 10, 3, 11, 12]
    assert packing.answers.tolist() == [0, 0, 1, 1]


def test_tokens_that_predict_are_the_ends_of_prompts_and_then_responses() -> None:
    packing = pack(SAMPLES)
    assert packing.ids[packing.predicting].tolist() == [7, 8, 2, 10, 11]


def test_responses_see_their_own_prompt_and_their_own_past() -> None:
    _, responses = pack(SAMPLES).buckets
    seen = {
        tuple(responses.keys[row][responses.bias[row, place] == 0].tolist()) for row, place in [(0, 0), (1, 0), (1, 1)]
    }
    assert seen == {(0, 1, 2, 4), (3, 5), (3, 5, 6)}


def test_responses_of_one_token_need_no_bucket() -> None:
    short = select_prompts(SAMPLES, torch.tensor([0]))[0]
    lone = Samples(
        short.prompt_ids,
        short.prompt_mask,
        short.group,
        short.response_ids[:, :1],
        short.response_mask[:, :1],
        short.truncated,
        short.log_probs[:, :1],
        short.texts,
    )
    assert len(pack(lone).buckets) == 1
