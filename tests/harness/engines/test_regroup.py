from __future__ import annotations

import pytest
import torch

from harness.engines.base.samples import join_samples, select_prompts
from harness.engines.qwen3.forward import score_samples_compact
from tests.harness.engines.policies import qwen3, random_samples

PARTS = [random_samples(prompts=3, group_size=2, tokens=5, seed=1), random_samples(prompts=2, group_size=4, seed=2)]


def test_joined_parts_keep_their_order_and_number_their_groups_on() -> None:
    whole = join_samples(PARTS)
    assert whole.group.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4]
    assert whole.texts == PARTS[0].texts + PARTS[1].texts
    assert whole.response_mask.sum(dim=1).tolist() == [
        length for part in PARTS for length in part.response_mask.sum(dim=1).tolist()
    ]


def test_joined_parts_score_as_they_do_alone() -> None:
    model = qwen3()
    alone = [score_samples_compact(model, part, 1.0).log_probs[part.response_mask] for part in PARTS]
    whole = join_samples(PARTS)
    together = score_samples_compact(model, whole, 1.0).log_probs[whole.response_mask]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=0)


def test_picked_groups_come_in_the_order_that_was_asked_for() -> None:
    some, rows = select_prompts(join_samples(PARTS), torch.tensor([3, 0]))
    assert some.group.tolist() == [0, 0, 0, 0, 1, 1]
    assert rows.tolist() == [6, 7, 8, 9, 0, 1]
    assert some.texts == PARTS[1].texts[:4] + PARTS[0].texts[:2]
    assert some.prompt_ids[0][some.prompt_mask[0]].tolist() == PARTS[1].prompt_ids[0][PARTS[1].prompt_mask[0]].tolist()


@pytest.mark.parametrize("prompt", range(5))
def test_what_is_picked_is_no_wider_than_need_be(prompt: int) -> None:
    some, _ = select_prompts(join_samples(PARTS), torch.tensor([prompt]))
    assert some.prompt_mask.all()
    assert some.response_mask[:, -1].any()


def test_picking_every_group_changes_nothing() -> None:
    some, _ = select_prompts(PARTS[1], torch.arange(2))
    for name in ("prompt_ids", "prompt_mask", "group", "response_ids", "response_mask", "truncated", "log_probs"):
        assert torch.equal(getattr(some, name), getattr(PARTS[1], name)), name
