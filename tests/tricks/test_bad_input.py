"""What a run meets on a bad day: refused with its place, or an update that is finite and says nothing wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.tricks.batches import SETUP, assert_agree, example, mask_of, moved, rollouts, rule
from tests.tricks.rules import RULES, loss_and_gradient
from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.api import TrickError
from tricks.batch import Rollouts
from tricks.normalization import Normalize


@pytest.mark.parametrize("reward", [torch.nan, torch.inf, -torch.inf])
def test_rewards_that_are_no_numbers_are_refused_with_their_place(reward: float) -> None:
    with pytest.raises(ValueError, match=r"^Rollouts\.rewards\[2\] is (nan|inf|-inf), one of 2 that are no numbers; "):
        rollouts([0.0, 1.0, reward, 0.0, reward], [0] * 5)


@pytest.mark.parametrize("name", ["old_log_probs", "sampler_log_probs", "ref_log_probs"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_log_probs_of_sampled_tokens_have_to_be_finite(name: str, value: float) -> None:
    table = torch.zeros(2, 3).index_put((torch.tensor(1), torch.tensor(0)), torch.tensor(value))
    with pytest.raises(ValueError, match=rf"^Rollouts\.{name}\[1, 0\] is (nan|inf|-inf) on a sampled token; "):
        rollouts([0.0, 0.0], [0, 0], lengths=[3, 1], **{name: table})


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Rollouts\.response_mask is \(0, 3\), expected \(B, T\) with B > 0; "):
        Rollouts(
            old_log_probs=torch.zeros(0, 3),
            response_mask=torch.zeros(0, 3, dtype=torch.bool),
            rewards=torch.zeros(0),
            group=torch.zeros(0, dtype=torch.int64),
            truncated=torch.zeros(0, dtype=torch.bool),
        )


@pytest.mark.parametrize("name", RULES)
def test_a_batch_of_one_gives_a_finite_update(name: str) -> None:
    batch = replace_rewards(example(), [1.0])
    loss, gradient = loss_and_gradient(RULES[name], batch, moved(batch))
    assert loss.isfinite()
    assert gradient.isfinite().all()


def replace_rewards(batch: Rollouts, rewards: list[float]) -> Rollouts:
    """The first samples of a batch, with these rewards."""
    rows = slice(0, len(rewards))
    parts = {
        name: getattr(batch, name)[rows]
        for name in ("old_log_probs", "response_mask", "group", "truncated", "sampler_log_probs", "ref_log_probs")
    }
    formatted, ended = batch.truncated[rows], ~batch.truncated[rows]
    return Rollouts(**parts, rewards=torch.tensor(rewards), formatted=formatted, ended=ended)


@pytest.mark.parametrize("mean", [TokenMean, SequenceMean, SequenceSum, lambda scope: ConstantLength("limit", scope)])
@pytest.mark.parametrize("scope", ["update", "prompt", "micro_batch"])
def test_where_all_samples_are_filtered_weights_loss_and_gradient_are_zero(mean: type[TokenMean], scope: str) -> None:
    batch = replace(example(), truncated=torch.ones(8, dtype=torch.bool))
    update_rule = rule("group_norm", "token_whitening", "overlong_filter", "kl_loss", mean=mean(scope))
    signal = update_rule.signal(batch)
    assert update_rule.loss_weights(signal).tolist() == [[0.0]] * 8
    loss, gradient = loss_and_gradient(update_rule, batch, moved(batch))
    assert loss.item() == 0
    assert gradient.abs().max() == 0
    assert signal.advantages.isfinite().all()


@pytest.mark.parametrize("name", RULES)
def test_masks_without_a_token_give_an_update_of_zero(name: str) -> None:
    batch = replace(example(), response_mask=torch.zeros(8, 6, dtype=torch.bool))
    loss, gradient = loss_and_gradient(RULES[name], batch, moved(batch))
    assert loss.item() == 0
    assert gradient.abs().max() == 0


@pytest.mark.parametrize("name", RULES)
def test_one_response_without_tokens_leaves_the_others_their_update(name: str) -> None:
    batch = example()
    empty = batch.response_mask.clone()
    empty[2] = False
    loss, gradient = loss_and_gradient(RULES[name], replace(batch, response_mask=empty), moved(batch))
    assert loss.isfinite()
    assert gradient.isfinite().all()
    assert gradient[2].abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["old_log_probs", "sampler_log_probs", "ref_log_probs"])
def test_half_precision_log_probs_of_a_batch_are_refused_with_the_reason(name: str, dtype: torch.dtype) -> None:
    wanted = (
        rf"^Rollouts\.{name} is {dtype} \(1, 2\), expected .* \(1, 2\); ratios of half-precision log-probs are noise"
    )
    with pytest.raises(ValueError, match=wanted):
        rollouts([0.0], [0], lengths=[2], **{name: torch.zeros(1, 2, dtype=dtype)})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", RULES)
def test_half_precision_log_probs_of_the_policy_are_raised_and_get_their_gradient(
    name: str, dtype: torch.dtype
) -> None:
    batch = example()
    half = moved(batch).to(dtype)
    loss, gradient = loss_and_gradient(RULES[name], batch, half)
    exact, wanted = loss_and_gradient(RULES[name], batch, half.float())
    assert loss.dtype == torch.float32
    assert gradient.dtype == dtype
    assert_agree(loss, exact.double(), size=1.0)
    torch.testing.assert_close(gradient.float(), wanted.to(dtype).float())


def test_groups_of_one_have_no_advantage_under_a_group_mean_and_are_refused_where_every_group_is_one() -> None:
    batch = rollouts([1.0, 1.0, 0.0], [0, 1, 1])
    assert rule("group_norm").signal(batch).advantages[0].item() == 0
    assert rule("rloo").signal(batch).advantages[0].item() == 0
    with pytest.raises(TrickError, match=r"^group_norm: a group needs at least 2 samples, rollout\.group_size is 1"):
        rule("group_norm", setup=replace(SETUP, group_size=1))


def test_unequal_groups_stand_for_themselves() -> None:
    batch = rollouts([1.0, 0.0, 1.0, 0.0, 0.0], [0, 0, 1, 1, 1])
    assert_agree(rule("group_mean").signal(batch).advantages, [[0.5], [-0.5], [2 / 3], [-1 / 3], [-1 / 3]])


def test_statistics_over_kept_samples_alone_are_finite_where_none_is_kept() -> None:
    for mean, std in (("group", "group"), ("batch", "batch"), ("leave_one_out", "leave_one_out")):
        trick = Normalize(mean, std, include="kept")
        batch = rollouts([1.0, 0.0, 1.0], [0, 0, 1], truncated=[True] * 3)
        assert rule("overlong_filter", norm=trick).signal(batch).advantages.isfinite().all()


def test_a_response_wider_than_the_mask_is_refused_with_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"^Rollouts\.old_log_probs is torch\.float32 \(2, 4\), expected .* \(2, 3\)$"):
        rollouts([0.0, 0.0], [0, 0], lengths=[3, 1], old_log_probs=torch.zeros(2, 4))


@pytest.mark.parametrize("name", ["rewards", "sampler_log_probs", "ref_log_probs"])
def test_a_batch_of_two_precisions_is_refused(name: str) -> None:
    batch = example()
    with pytest.raises(ValueError, match=rf"^Rollouts\.{name} is torch\.float64, old_log_probs is torch\.float32; "):
        replace(batch, **{name: getattr(batch, name).double()})


def test_log_probs_whose_sum_is_infinite_are_as_good_as_any() -> None:
    assert rollouts([0.0, 0.0], [0, 0], old_log_probs=torch.full((2, 1), -3e38)).old_log_probs.isfinite().all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rewards", torch.tensor([1, 0])),
        ("group", torch.tensor([0.0, 1.0])),
        ("truncated", torch.tensor([0, 1])),
        ("response_mask", mask_of([3, 1]).float()),
        ("ended", torch.tensor([1.0, 0.0])),
        ("formatted", torch.tensor([True])),
    ],
)
def test_a_field_of_the_wrong_type_or_shape_is_refused_by_name(name: str, value: Tensor) -> None:
    with pytest.raises(ValueError, match=rf"^Rollouts\.{name} is "):
        replace(rollouts([0.0, 0.0], [0, 0], lengths=[3, 1]), **{name: value})
