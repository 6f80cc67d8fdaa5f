from __future__ import annotations

import math

import pytest
import torch

from tests.tricks.batches import ONCE, SETUP, assert_agree, in_both_precisions, signal
from tricks.surrogates import ClippedWeight, PolicyGradient, SequenceClip

# Two responses of lengths 3 and 2. Log-ratios 0.3 0 0 and -0.2 -0.4; the last one is padding.
LOG_RATIOS, LENGTHS = [[0.3, 0.0, 0.0], [-0.2, -0.4, 0.0]], [3, 2]


def loss_and_gradient(
    trick: SequenceClip | ClippedWeight | PolicyGradient,
    advantages: list[float] | list[list[float]],
    dtype: torch.dtype,
    log_ratios: list[list[float]] = LOG_RATIOS,
    old_log_probs: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    leaf = torch.tensor(log_ratios, dtype=dtype).requires_grad_()
    given = signal(
        advantages, lengths=LENGTHS, dtype=dtype, old_log_probs=torch.full_like(leaf.detach(), old_log_probs)
    )
    outside = ~given.response_mask
    masked = trick.surrogate(leaf.masked_fill(outside, 0.0), given).masked_fill(outside, 0.0)
    return masked, torch.autograd.grad(masked.sum(), leaf)[0]


@in_both_precisions
def test_gspo_gives_every_token_the_ratio_of_its_response(dtype: torch.dtype) -> None:
    # Mean log-ratios 0.1 and -0.3. Every token carries the response's loss, so the sum over |o| tokens has the
    # gradient |o| * (s A / |o|) at each of them: s A, and s A / |o| once the sequence mean divides by |o|.
    first, second = math.exp(0.1), math.exp(-0.3)
    loss, gradient = loss_and_gradient(SequenceClip(0.9, 0.9), [1.0, -2.0], dtype)
    assert_agree(loss, [[-first] * 3, [2 * second] * 2 + [0.0]])
    assert_agree(gradient[:, :2] / torch.tensor(LENGTHS)[:, None], [[-first / 3] * 2, [2 * second / 2] * 2])


@in_both_precisions
@pytest.mark.parametrize(
    ("advantage", "first", "second"),
    [
        (1.0, [-(1 + 4e-4), 0.0], [-math.exp(-0.3)] * 2),  # e^0.1 is held at 1.0004, e^-0.3 free
        (-1.0, [math.exp(0.1)] * 2, [1 - 3e-4, 0.0]),  # e^0.1 free, e^-0.3 held at 0.9997
    ],
)
def test_gspo_clips_whole_responses_within_its_published_bounds(
    advantage: float, first: list[float], second: list[float], dtype: torch.dtype
) -> None:
    loss, gradient = loss_and_gradient(SequenceClip(), [advantage] * 2, dtype)
    expected = [first[0]] * 3, [second[0]] * 2 + [0.0]
    assert_agree(loss, list(expected))
    assert_agree(gradient, [[first[1]] * 3, [second[1]] * 2 + [0.0]])


@in_both_precisions
def test_gspo_with_advantages_of_tokens_has_the_value_of_the_response_and_the_gradient_of_the_token(
    dtype: torch.dtype,
) -> None:
    # GSPO-token: the loss is -s A_t and its gradient at token t is -s A_t, not spread over the response.
    first, second = math.exp(0.1), math.exp(-0.3)
    loss, gradient = loss_and_gradient(SequenceClip(0.9, 0.9), [[1.0, 2.0, 3.0], [-1.0, -2.0, 9.0]], dtype)
    expected = [[-first, -2 * first, -3 * first], [second, 2 * second, 0.0]]
    assert_agree(loss, expected)
    assert_agree(gradient, expected)


@in_both_precisions
def test_gspo_holds_the_mean_log_ratio_within_its_bound(dtype: torch.dtype) -> None:
    loss, gradient = loss_and_gradient(SequenceClip(0.9, 9.0, log_ratio_bound=0.2), [-1.0, -1.0], dtype)
    assert_agree(loss, [[math.exp(0.1)] * 3, [math.exp(-0.2)] * 2 + [0.0]])
    assert gradient[1].tolist() == [0.0] * 3


def test_gspo_counts_all_tokens_of_a_clipped_response() -> None:
    # Ratios e^0.1 and e^-0.3; the upper bound stops the first where A > 0, the lower the second where A < 0.
    log_ratios = torch.tensor(LOG_RATIOS)
    right = SequenceClip().diagnostics(log_ratios, signal([1.0, 1.0], lengths=LENGTHS))
    wrong = SequenceClip().diagnostics(log_ratios, signal([-1.0, -1.0], lengths=LENGTHS))
    assert right["clip_fraction_high"].tolist() == [[True] * 3, [False] * 3]
    assert wrong["clip_fraction_low"].tolist() == [[False] * 3, [True] * 3]
    assert not right["clip_fraction_low"].any()
    assert not wrong["clip_fraction_high"].any()


@in_both_precisions
@pytest.mark.parametrize(
    ("settings", "weights"),
    [
        ({}, [[5.0, 2.0, 1.0], [0.5, 1.0, 0.0]]),  # 8 is held at 5
        ({"high": 1.5}, [[1.5, 1.5, 1.0], [0.5, 1.0, 0.0]]),
        ({"low": 0.75, "high": 1.5}, [[1.5, 1.5, 1.0], [0.75, 1.0, 0.0]]),
        ({"high": 9.0, "log_ratio_bound": math.log(2)}, [[2.0, 2.0, 1.0], [0.5, 1.0, 0.0]]),
        ({"high": 9.0, "log_ratio_bound": None}, [[8.0, 2.0, 1.0], [0.5, 1.0, 0.0]]),
    ],
)
def test_cispo_weighs_the_log_prob_and_never_loses_its_gradient(
    settings: dict[str, float], weights: list[list[float]], dtype: torch.dtype
) -> None:
    # Ratios 8 2 1 and 1/2 1 under old log-probs of -3: the loss is -w A (log-ratio - 3), its gradient -w A.
    ratios = [[8.0, 2.0, 1.0], [0.5, 1.0, 1.0]]
    log_ratios = [[math.log(ratio) for ratio in row] for row in ratios]
    loss, gradient = loss_and_gradient(ClippedWeight(**settings), [1.0, -2.0], dtype, log_ratios, -3.0)
    signs = [-1.0, 2.0]
    assert_agree(gradient, [[sign * w for w in row] for sign, row in zip(signs, weights, strict=True)])
    assert_agree(
        loss,
        [
            [sign * w * (x - 3.0) for w, x in zip(row, xs, strict=True)]
            for sign, row, xs in zip(signs, weights, log_ratios, strict=True)
        ],
    )


def test_cispo_counts_the_weights_that_a_bound_holds() -> None:
    log_ratios = torch.tensor([[2.0, 1.0, 0.0], [-3.0, 0.0, 0.0]])
    found = ClippedWeight(low=0.1, high=5.0).diagnostics(log_ratios, signal([1.0, 0.0], lengths=LENGTHS))
    assert {name: mask.tolist() for name, mask in found.items()} == {
        "weight_clipped": [[True, False, False], [True, False, False]]
    }


@in_both_precisions
def test_reinforce_has_the_gradient_of_the_log_prob_at_any_ratio(dtype: torch.dtype) -> None:
    loss, gradient = loss_and_gradient(PolicyGradient(), [1.0, -2.0], dtype, old_log_probs=-3.0)
    assert_agree(loss, [[2.7, 3.0, 3.0], [-6.4, -6.8, 0.0]])  # -A (log-ratio - 3)
    assert_agree(gradient, [[-1.0] * 3, [2.0, 2.0, 0.0]])


def test_reinforce_cannot_differ_from_ppo_in_the_only_update_of_a_rollout() -> None:
    assert list(PolicyGradient().no_effect_reasons(ONCE)) == [
        "with optim.updates_per_rollout=1 every ratio is 1 and the gradient is that of the clipped ratio; "
        "set it to 2 or more"
    ]
    assert not list(PolicyGradient().no_effect_reasons(SETUP))


def test_no_weight_is_lost_to_the_padding_of_old_log_probs() -> None:
    old = torch.tensor([[-1.0, -1.0, -1.0], [-1.0, -1.0, torch.nan]])
    given = signal([1.0, 1.0], lengths=LENGTHS, old_log_probs=old)
    for trick in (ClippedWeight(), PolicyGradient()):
        assert trick.surrogate(torch.zeros(2, 3), given).isfinite().all()
