from itertools import islice

import pytest

from harness.config.experiment import load_config
from harness.data.synthetic import stream_problems
from harness.models.load import load_tokenizer
from harness.models.prompting import format_prompt
from sweeps.equivalence.batches import LONGEST_PROMPT, BatchShape


def test_the_shape_of_a_run():
    shape = BatchShape.of(load_config("optim.updates_per_rollout=8", "optim.epochs=2"))
    # 32 prompts over four updates a pass
    assert (shape.group_size, shape.groups, shape.updates, shape.limit, shape.prompts) == (8, 8, 4, 64, 32)


def test_ratios_leave_1_after_the_first_update():
    assert not BatchShape.of(load_config("optim.updates_per_rollout=1")).moved
    assert BatchShape.of(load_config("optim.updates_per_rollout=2", "optim.epochs=2")).moved


def test_an_update_is_split_where_it_may_not_fit():
    # 64 responses of at most 64 tokens and as many for each prompt are 8,192 tokens.
    assert not BatchShape.of(load_config("optim.micro_batch_tokens=8192")).split
    assert BatchShape.of(load_config("optim.micro_batch_tokens=8191")).split


@pytest.mark.parametrize(("model", "form"), [("small_base", "base"), ("small_aligned", "chat")])
def test_no_arithmetic_prompt_is_longer_than_is_assumed(model, form):
    tokenizer = load_tokenizer(f"builtin:{model}")
    problems = islice(stream_problems(["easy", "medium", "hard"], 0), 600)
    assert max(len(format_prompt(tokenizer, problem.prompt, form)) for problem in problems) <= LONGEST_PROMPT / 2
