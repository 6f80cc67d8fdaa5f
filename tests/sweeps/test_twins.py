from collections import Counter
from dataclasses import replace

import pytest

from harness.config.experiment import RewardConfig, load_config
from sweeps.equivalence.batches import BatchShape
from sweeps.equivalence.canonical import canonicalize
from sweeps.equivalence.gradients import GradientSide
from sweeps.equivalence.twins import find_twins
from sweeps.grid.cells import compose_cells, select_cells
from sweeps.grid.grid import find_grid, read_grid
from tests.sweeps.grids import PLAIN, grid
from tests.sweeps.random_configs import cell
from tricks.batch import Setup
from tricks.dialects.build import build_rule
from tricks.dialects.own_tricks import ResponseClip, ResponseMeanClip
from tricks.surrogates import Clip


@pytest.fixture(scope="module")
def of_norms():
    """Twins among the cells of one model and difficulty of norm_ablation."""
    found = read_grid(find_grid("norm_ablation"))
    points = [
        point
        for point in select_cells(found, full=True).cells
        if (point["model"], point["difficulty"]) == ("small_base", "medium")
    ]
    return find_twins(compose_cells(found, points).cells, found.baseline)


def test_dividing_by_a_deviation_makes_the_reward_scale_irrelevant(of_norms):
    assert sorted(group.cells[0].labels["norm"] for group in of_norms) == ["batch", "group", "group_mean_batch_std"]


def test_twins_differ_in_the_reward_scale_alone(of_norms):
    for group in of_norms:
        assert Counter(cell.labels["reward_scale"] for cell in group.cells) == {"zero_one": 1, "plus_minus_one": 1}
        assert len({cell.labels["norm"] for cell in group.cells}) == 1


def found(folder, old, new):
    chosen = grid(folder, PLAIN.replace(old, new))
    return find_twins(compose_cells(chosen, select_cells(chosen, full=True).cells).cells, chosen.baseline)


def test_cells_that_differ_elsewhere_are_no_twins(tmp_path):
    assert found(tmp_path, "reward=plus_minus_one", "reward=plus_minus_one, optim.lr=1.0e-3") == ()
    assert found(tmp_path, "reward=plus_minus_one", "reward=plus_minus_one, reward.open_box=ignored") == ()


def test_cells_with_another_aggregation_are_no_twins(tmp_path):
    assert found(tmp_path, "reward=plus_minus_one", 'reward=plus_minus_one, "+tricks.token_mean={}"') == ()


def test_a_small_but_real_difference_is_no_twin(tmp_path):
    # An epsilon of 0.01 on a deviation of about 0.5 or 1 moves advantages by one and two percent.
    assert found(tmp_path, "group_norm={}", "group_norm={eps: 0.01}") == ()


@pytest.fixture(scope="module")
def base():
    return load_config()


def why(base, one, other, one_scale=(1.0, 0.0), other_scale=(1.0, 0.0)):
    """Why two rules are twins; None where they are not."""
    sides = zip((one, other), (one_scale, other_scale), strict=True)
    configs = [replace(base, tricks=tricks, reward=RewardConfig(*scale)) for tricks, scale in sides]
    found = find_twins([cell(config) for config in configs], {})
    return found[0].because[0] if found else None


def test_a_trick_of_the_loop_sets_cells_apart_unless_it_is_idle(base):
    assert why(base, {}, {"dynamic_sampling": {"rounds": 1}}) is None
    assert why(base, {"dynamic_sampling": {"rounds": 2}}, {"dynamic_sampling": {"rounds": 1}}) is None
    assert why(base, {}, {"dynamic_sampling": {"rounds": 0}}) == "with rounds=0 and at_cap=fill every group stays"


def test_rules_that_skip_different_updates_are_no_twins(base):
    # The gradients are the same. Where all groups are filtered one takes no step, the other one on its momentum.
    company = {"group_mean": {}, "constant_length": {"count": "all"}}
    assert why(base, company, company | {"zero_variance_filter": {}}) is None


def test_micro_batches_matter_where_an_update_has_several(base):
    each = {"token_mean": {"scope": "micro_batch"}}
    assert why(base, {"token_mean": {}}, each) == "an update is one micro-batch"
    small = replace(base, optim=replace(base.optim, micro_batch_tokens=1000))
    assert why(small, {"token_mean": {}}, each) is None


def test_a_residue_of_single_precision_matters_where_a_reward_is_no_sum_of_powers_of_two(base):
    # Eight rewards of 0.1 have a mean of 0.1 plus 7e-9 in float32, which an epsilon of 1e-9 turns into 7.
    double, single = (
        {"group_norm": {"eps": 1e-9, "zero_std": "eps", "precision": kind}} for kind in ("double", "single")
    )
    assert why(base, double, single, (0.1, 0.0), (0.1, 0.0)) is None
    assert why(base, double, single) is not None


def test_the_paper_s_batch_of_1024_has_twins_too(base):
    # One right response of 1,024 has a deviation of 1/32, and epsilon shows at 1.6e-5.
    rollout = replace(base.rollout, prompts_per_batch=128)
    norm = {"batch_norm": {}}
    assert why(replace(base, rollout=rollout), norm, norm, other_scale=(1.0, -1.0)) is not None


def test_a_bound_that_one_response_of_the_batch_can_reach_matters(base):
    # The largest advantage of one in 256 is 255 / 16 = 15.9.
    norm = {"batch_norm": {}}
    assert why(base, norm, norm | {"advantage_clip": {"low": -20.0, "high": 15.0}}) is None
    assert why(base, norm, norm | {"advantage_clip": {"low": -20.0, "high": 16.0}}) is not None


def test_a_bound_that_cannot_be_tried_sets_cells_apart(base):
    # One token of 8 * 32 * 8,192 may be whitened to the root of that, 1,448.
    rollout = replace(base.rollout, max_response_length=8192)
    whitened = {"token_whitening": {}}
    bounded = whitened | {"advantage_clip": {"low": -1000.0, "high": 1000.0}}
    assert why(replace(base, rollout=rollout), whitened, bounded) is None


def test_a_long_limit_is_the_limit_in_numbers_too(base):
    rollout = replace(base.rollout, max_response_length=2048)
    numbered = {"constant_length": {"length": 2048}}
    assert why(replace(base, rollout=rollout), {"constant_length": {}}, numbered) == "the limit is 2048 tokens"


def test_a_filter_at_the_limit_drops_responses_that_end_there(base):
    by_length = {"overlong_filter": {"truncation": "length"}}
    assert why(base, {"overlong_filter": {}}, by_length) is None
    assert why(base, {}, {"overlong_filter": {"truncation": "length", "limit": 65}}) is not None


@pytest.mark.parametrize(("emulate", "alike"), [("none", True), ("roll", False)])
def test_a_ratio_of_the_response_is_no_clip_of_tokens_where_advantages_differ_within_it(base, emulate, alike):
    # At ratio 1 GSPO-token moves a token by its own advantage; ROLL moves all by the mean of the response's.
    company = {"group_mean": {}, "kl_to_go": {}, "token_mean": {}}
    once = replace(base, emulate=emulate, optim=replace(base.optim, updates_per_rollout=1))
    found = why(once, company | {"gspo": {}}, company | {"clip": {}})
    assert (found is not None) is alike


@pytest.mark.parametrize(("emulate", "kind"), [("none", Clip), ("roll", ResponseClip), ("areal", ResponseMeanClip)])
def test_the_normal_form_keeps_a_ratio_of_the_response_beside_advantages_of_tokens(emulate, kind):
    tricks = {"group_mean": {}, "kl_to_go": {}, "token_mean": {}, "gspo": {}}
    rule = build_rule("vanilla_ppo", tricks, emulate, Setup(4, 2, 1, 8))
    shape = BatchShape(group_size=4, groups=2, updates=1, limit=8, moved=False, split=False)
    assert type(canonicalize(GradientSide(rule, 1.0, 0.0, emulate), shape).slots["surrogate"][0]) is kind


def test_clip_bounds_need_a_second_update_to_differ(base):
    bounds = {"clip": {"clip_ratio_high": 0.2001}}
    assert why(base, {}, bounds) is None
    once = replace(base, optim=replace(base.optim, updates_per_rollout=1))
    assert "every ratio is 1" in why(once, {}, bounds)
