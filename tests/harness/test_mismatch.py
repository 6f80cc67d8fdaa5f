"""How far sampler and learner are apart, in four numbers."""

import pytest
import torch

from harness.metrics import mismatch
from tricks.batch import Setup
from tricks.build import build

MASK = torch.tensor([[True, True, False], [True, True, True]])
SETUP = Setup(group_size=4, prompts_per_batch=4, updates_per_rollout=4, max_response_length=8)


def gaps(values, within=(0.8, 1.2)):
    learner = torch.zeros(2, 3)
    learner[MASK] = torch.tensor(values)
    return mismatch(torch.zeros(2, 3), learner, MASK, within)


def test_engines_that_agree_lose_nothing():
    assert gaps([0.0] * 5) == {
        "mismatch/mean": 0.0,
        "mismatch/max": 0.0,
        "mismatch/beyond": 0.0,
        "mismatch/effective": pytest.approx(1.0),
    }


def test_padding_does_not_count():
    learner = torch.full((2, 3), -50.0)
    learner[MASK] = 0.0
    assert mismatch(torch.zeros(2, 3), learner, MASK, (0.8, 1.2))["mismatch/max"] == 0.0


def test_tokens_beyond_either_bound_are_counted():
    ratios = torch.tensor([0.79, 0.81, 1.0, 1.19, 1.21])
    assert gaps(ratios.log().tolist())["mismatch/beyond"] == pytest.approx(2 / 5)
    assert gaps(ratios.log().tolist(), within=(0.8, 1.3))["mismatch/beyond"] == pytest.approx(1 / 5)


def test_effective_sample_size_by_hand():
    # Weights 1, 1, 1, 1 and 3: (1 + 1 + 1 + 1 + 3)^2 / (5 (1 + 1 + 1 + 1 + 9)) = 49 / 65.
    assert gaps([0.0, 0.0, 0.0, 0.0, float(torch.tensor(3.0).log())])["mismatch/effective"] == pytest.approx(49 / 65)


@pytest.mark.parametrize(("preset", "between"), [("grpo", (0.8, 1.2)), ("dapo", (0.8, 1.28)), ("gspo", (0.8, 1.2))])
def test_the_range_is_that_of_single_tokens(preset, between):
    assert build(preset, {}, "none", SETUP).ratio_range == pytest.approx(between)
