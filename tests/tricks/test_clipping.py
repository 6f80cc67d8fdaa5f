from __future__ import annotations

import math

import pytest
import torch

from tests.tricks.batches import ONCE, SETUP, assert_agree, in_both_precisions, signal
from tricks.catalog import find_trick
from tricks.surrogates import Clip

RATIOS = [4.0, 2.0, 1.25, 1.0, 0.5]


def log_ratios(dtype: torch.dtype, ratios: list[float] = RATIOS) -> torch.Tensor:
    return torch.tensor([[math.log(ratio) for ratio in ratios]], dtype=torch.float64).to(dtype)


def loss_and_gradient(
    clip: Clip, advantage: float, dtype: torch.dtype, ratios: list[float] = RATIOS
) -> tuple[torch.Tensor, torch.Tensor]:
    leaf = log_ratios(dtype, ratios).requires_grad_()
    loss = clip.surrogate(leaf, signal([advantage], len(ratios), dtype=dtype))
    return loss, torch.autograd.grad(loss.sum(), leaf)[0]


@in_both_precisions
@pytest.mark.parametrize(
    ("settings", "advantage", "loss", "gradient"),
    [
        # A = +1: the loss is -min(ratio, bound), its gradient -ratio where the bound does not bind.
        ({}, 1.0, [-1.2, -1.2, -1.2, -1.0, -0.5], [0.0, 0.0, 0.0, -1.0, -0.5]),
        ({"clip_ratio_high": 0.28}, 1.0, [-1.28, -1.28, -1.25, -1.0, -0.5], [0.0, 0.0, -1.25, -1.0, -0.5]),
        # A = -1: max(ratio, 0.8); the gradient is that of the ratio above the lower bound.
        ({}, -1.0, [4.0, 2.0, 1.25, 1.0, 0.8], [4.0, 2.0, 1.25, 1.0, 0.0]),
        ({"clip_ratio_low": 0.6}, -1.0, [4.0, 2.0, 1.25, 1.0, 0.5], [4.0, 2.0, 1.25, 1.0, 0.5]),
        # A = -2 under dual clip: at most 3 * 2, without gradient beyond.
        ({"dual_clip": 3.0}, -2.0, [6.0, 4.0, 2.5, 2.0, 1.6], [0.0, 4.0, 2.5, 2.0, 0.0]),
        # A positive advantage never feels the dual clip, and one of 0 has no loss.
        ({"dual_clip": 3.0}, 1.0, [-1.2, -1.2, -1.2, -1.0, -0.5], [0.0, 0.0, 0.0, -1.0, -0.5]),
        ({"dual_clip": 3.0}, 0.5, [-0.6, -0.6, -0.6, -0.5, -0.25], [0.0, 0.0, 0.0, -0.5, -0.25]),
        ({"dual_clip": 3.0}, 0.0, [0.0] * 5, [0.0] * 5),
        # Log-ratios beyond the bound are held there and lose their gradient: ratios between 2/3 and 3/2.
        ({"log_ratio_bound": math.log(1.5)}, -1.0, [1.5, 1.5, 1.25, 1.0, 0.8], [0.0, 0.0, 1.25, 1.0, 0.0]),
        ({"log_ratio_bound": None}, -1.0, [4.0, 2.0, 1.25, 1.0, 0.8], [4.0, 2.0, 1.25, 1.0, 0.0]),
    ],
)
def test_a_bound_stops_the_side_that_would_gain_and_its_gradient(
    settings: dict[str, float], advantage: float, loss: list[float], gradient: list[float], dtype: torch.dtype
) -> None:
    found = loss_and_gradient(Clip(**settings), advantage, dtype)
    assert_agree(found[0], [loss])
    assert_agree(found[1], [gradient])


@in_both_precisions
def test_advantages_of_tokens_are_clipped_token_by_token(dtype: torch.dtype) -> None:
    given = signal([[1.0, -1.0, 1.0, -1.0, -3.0]], 5, dtype=dtype)
    assert_agree(Clip().surrogate(log_ratios(dtype), given), [[-1.2, 2.0, -1.2, 1.0, 2.4]])


@in_both_precisions
def test_clip_fractions_count_each_bound_by_the_sign_that_it_stops(dtype: torch.dtype) -> None:
    three = signal([0.5, -0.5, 0.0], 5, dtype=dtype)
    masks = Clip(dual_clip=3.0).diagnostics(log_ratios(dtype).expand(3, 5), three)
    assert {name: mask.int().tolist() for name, mask in masks.items()} == {
        "clip_fraction_high": [[1, 1, 1, 0, 0], [0] * 5, [0] * 5],
        "clip_fraction_low": [[0] * 5, [0, 0, 0, 0, 1], [0] * 5],
        "clip_fraction_dual": [[0] * 5, [1, 0, 0, 0, 0], [0] * 5],
    }


@in_both_precisions
def test_there_is_no_dual_clip_to_count_where_there_is_none(dtype: torch.dtype) -> None:
    assert set(Clip().diagnostics(log_ratios(dtype), signal([1.0], 5, dtype=dtype))) == {
        "clip_fraction_high",
        "clip_fraction_low",
    }


@in_both_precisions
@pytest.mark.parametrize("advantage", [1.0, -1.0])
def test_a_clipped_token_is_one_without_gradient(advantage: float, dtype: torch.dtype) -> None:
    ratios = [0.05 * step for step in range(2, 80)]
    clip = Clip(dual_clip=3.0)
    gradient = loss_and_gradient(clip, advantage, dtype, ratios)[1]
    masks = clip.diagnostics(log_ratios(dtype, ratios), signal([advantage], len(ratios), dtype=dtype))
    assert torch.equal(torch.stack(list(masks.values())).any(dim=0), gradient == 0)


@pytest.mark.parametrize(
    ("name", "trick"),
    [("clip_higher", Clip(0.2, 0.28)), ("clip", Clip(0.2, 0.2)), ("dual_clip", Clip(0.2, 0.2, dual_clip=3.0))],
)
def test_the_catalog_has_the_published_settings(name: str, trick: Clip) -> None:
    assert find_trick(name).cls(**find_trick(name).settings) == trick


def test_no_bound_can_bind_in_the_only_update_of_a_rollout() -> None:
    assert list(Clip().no_effect_reasons(ONCE)) == [
        "with optim.updates_per_rollout=1 every ratio is 1 and no bound can bind; set it to 2 or more"
    ]
    assert not list(Clip().no_effect_reasons(SETUP))
    assert not list(Clip().validate(ONCE))
