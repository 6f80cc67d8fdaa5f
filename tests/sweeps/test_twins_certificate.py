"""No false alarm on 1,000 random pairs, 60 for every change, judged the long way; none missed of 100 planted ones."""

import random
from dataclasses import replace

import pytest

from harness.config.experiment import load_config
from sweeps.equivalence.twins import SAME, find_twins
from tests.sweeps.planted import KINDS, planted
from tests.sweeps.random_configs import cell, neighbour, random_config
from tests.sweeps.twin_truth import differ
from tests.tiers import counts

PARTS, PAIRS = 4, 250


@pytest.fixture(scope="module")
def base():
    return load_config()


@pytest.mark.parametrize(
    ("part", "pairs"), [(0, 60), *(pytest.param(part, PAIRS, marks=pytest.mark.slow) for part in range(PARTS))]
)
def test_no_pair_of_random_configs_is_called_twins_and_differs(base, part, pairs):
    chance, found = random.Random(part), 0
    for number in range(pairs):
        one = random_config(base, chance)
        other = neighbour(one, chance)
        for each in find_twins([cell(one), cell(other)], {}):
            found += each.because[0] != SAME
            apart = each.because[0] != SAME and differ(one, other, batches=6, seed=number)
            assert not apart, f"{apart}; {each.because}\n{one}\n{other}"
    assert found > pairs // 20  # twins are among them, so that there was something to be wrong about


@pytest.mark.parametrize("count", counts(len(KINDS), 100))
def test_no_planted_pair_of_twins_is_missed(base, count):
    pairs = planted(base, count, random.Random(1))
    missed = [name for name, pair in pairs if not find_twins([cell(config) for config in pair], {})]
    assert {name for name, _ in pairs} == set(KINDS)
    assert len(pairs) == count
    assert missed == []


def test_a_term_that_is_averaged_otherwise_than_the_surrogate_is_compared(base):
    """SkyRL's KL is a mean over responses beside a token mean: its weights are a column of their own."""
    one = replace(base, preset="dapo_static", emulate="skyrl", tricks={"kl_loss": {}})
    twin = replace(one, reward=replace(base.reward, correct=1.0, wrong=-1.0))
    other = replace(one, tricks={"kl_loss": {"coef": 0.1}})
    assert one.update_rule().settings()["token_losses"][0].startswith("SequenceMeanKl(")
    assert find_twins([cell(one), cell(twin)], {})
    assert not find_twins([cell(one), cell(other)], {})
