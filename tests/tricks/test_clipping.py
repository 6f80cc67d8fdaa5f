from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from tests.tricks.batches import SETUP, signal
from tricks.batch import Setup
from tricks.catalog import find
from tricks.clipping import Clip

LOG_RATIO = torch.tensor([[math.log(2), math.log(0.5), 0.0]])  # ratios 2, 1/2 and 1


def test_clip_bounds_only_the_side_that_would_gain() -> None:
    clip = Clip(clip_ratio_low=0.2, clip_ratio_high=0.28)
    # A = +1: min(2, 1.28) = 1.28 and min(0.5, 0.8) = 0.5; the loss is the negative.
    assert_close(clip.surrogate(LOG_RATIO, signal([1.0], 3)), torch.tensor([[-1.28, -0.50, -1.0]]))
    # A = -1: min(-2, -1.28) = -2 and min(-0.5, -0.8) = -0.8.
    assert_close(clip.surrogate(LOG_RATIO, signal([-1.0], 3)), torch.tensor([[2.00, 0.80, 1.0]]))


@pytest.mark.parametrize(("advantage", "expected"), [(1.0, [0.0, -0.5, -1.0]), (-1.0, [2.0, 0.0, 1.0])])
def test_the_gradient_is_zero_where_a_bound_binds(advantage: float, expected: list[float]) -> None:
    # d/dx of -A exp(x) is -A ratio; clipped tokens have none.
    log_ratio = LOG_RATIO.clone().requires_grad_()
    Clip().surrogate(log_ratio, signal([advantage], 3)).sum().backward()
    assert_close(log_ratio.grad, torch.tensor([expected]))


def test_clip_fractions_count_each_bound_by_the_sign_that_it_stops() -> None:
    two = signal([1.0, -1.0], 3)
    masks = Clip().diagnostics(LOG_RATIO.expand(2, 3), two)
    assert masks["clip_fraction_high"].tolist() == [[True, False, False], [False, False, False]]
    assert masks["clip_fraction_low"].tolist() == [[False, False, False], [False, True, False]]


def test_clip_higher_is_the_published_setting() -> None:
    spec = find("clip_higher")
    assert spec.cls(**spec.settings) == Clip(clip_ratio_low=0.2, clip_ratio_high=0.28)


def test_clipping_is_refused_where_every_ratio_is_one() -> None:
    once = Setup(SETUP.group_size, SETUP.prompts_per_batch, updates_per_rollout=1, max_response_length=8)
    assert list(Clip().complaints(once)) == [
        "with optim.updates_per_rollout=1 every ratio is 1 and no bound can bind; set it to 2 or more"
    ]


def test_bounds_are_distances_from_one() -> None:
    found = list(Clip(clip_ratio_low=1.2, clip_ratio_high=-0.1).complaints(SETUP))
    assert found == [
        "clip_ratio_low is a distance below 1, between 0 and 1, got 1.2",
        "clip_ratio_high is a distance above 1, at least 0, got -0.1",
    ]
