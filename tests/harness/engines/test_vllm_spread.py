from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from harness.engines.vllm.engine import PackedResponses
from harness.engines.vllm.sampler import distribute_prompts, gather_kept_mass, gather_tokens, prompt_seeds, select_items

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=20)


@given(LENGTHS, st.integers(1, 6))
def test_every_prompt_goes_to_one_engine_and_no_engine_has_two_more_than_another(
    lengths: list[int], engines: int
) -> None:
    shares = distribute_prompts([[0] * length for length in lengths], engines)
    assert sorted(prompt for share in shares for prompt in share) == list(range(len(lengths)))
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1
    assert len(shares) == min(engines, len(lengths))


@given(LENGTHS, st.integers(1, 6))
def test_engines_differ_in_tokens_by_one_prompt_at_most(lengths: list[int], engines: int) -> None:
    shares = distribute_prompts([[0] * length for length in lengths], engines)
    tokens = [sum(lengths[prompt] for prompt in share) for share in shares]
    assert max(tokens) - min(tokens) <= max(lengths)


def test_one_seed_becomes_one_for_each_prompt() -> None:
    assert len(set(prompt_seeds(5, 7))) == 5
    assert prompt_seeds(5, 7)[:3] == prompt_seeds(3, 7) != prompt_seeds(3, 8)
    assert prompt_seeds(2, [4, 4]) == [4, 4]
    with pytest.raises(ValueError, match="3 seeds for 2 prompts"):
        prompt_seeds(2, [1, 2, 3])


def test_what_engines_answer_comes_back_in_the_order_of_the_prompts() -> None:
    prompts = [[0], [0, 0, 0], [0, 0]]  # prompts 1 and 0 go to the first engine, 2 to the second
    shares = distribute_prompts(prompts, 2)
    drawn = [answered(select_items([10, 20, 30], share)) for share in shares]
    ids, log_probs = gather_tokens(drawn, [prompt for share in shares for prompt in share], fill=99)
    assert ids.tolist() == [[10, 99], [11, 11], [20, 99], [21, 21], [30, 99], [31, 31]]
    assert torch.equal(log_probs, torch.where(ids == 99, 0.0, -ids.float()))


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]])
def test_answers_come_back_in_the_order_of_the_prompts_whatever_order_they_were_asked_in(order: list[int]) -> None:
    ids, _ = gather_tokens([answered(select_items([10, 20, 30], order))], order, fill=99)
    assert ids[:, 0].tolist() == [10, 11, 20, 21, 30, 31]


def test_what_a_cut_left_comes_back_beside_its_tokens() -> None:
    shares = distribute_prompts([[0], [0, 0, 0], [0, 0]], 2)
    order = [prompt for share in shares for prompt in share]
    drawn = [answered(select_items([10, 20, 30], share)) for share in shares]
    assert gather_kept_mass(drawn, order) is None
    cut = [replace(part, log_kept=part.log_probs / 2) for part in drawn]
    _, log_probs = gather_tokens(cut, order, fill=99)
    assert torch.equal(gather_kept_mass(cut, order), log_probs / 2)  # type: ignore[arg-type]


def answered(firsts: list[int]) -> PackedResponses:
    """Two samples a prompt: of one token, and of two."""
    ids = np.array([token for first in firsts for token in (first, first + 1, first + 1)], dtype=np.int64)
    lengths = np.array([1, 2] * len(firsts), dtype=np.int64)
    return PackedResponses(ids, -ids.astype(np.float32), lengths, lengths > 0)
