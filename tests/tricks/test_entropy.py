from __future__ import annotations

import torch

from tests.tricks.batches import SETUP, assert_agree, in_both_precisions, rollouts, rule
from tricks.regularization import EntropyBonus


@in_both_precisions
def test_entropy_is_taken_from_the_loss_of_each_token(dtype: torch.dtype) -> None:
    # Rewards of 0, so that only entropies count: a token mean of 1, 2 and 4 nats over three tokens.
    batch = rollouts([0.0, 0.0], [0, 0], lengths=[2, 1], dtype=dtype)
    entropies = torch.tensor([[1.0, 2.0], [4.0, torch.nan]], dtype=dtype).requires_grad_()
    update_rule = rule("token_mean", entropy=EntropyBonus(0.5))
    given = update_rule.signal(batch)
    loss = update_rule.loss(torch.zeros(2, 2, dtype=dtype), given, update_rule.loss_weights(given), entropies)
    assert_agree(loss, -0.5 * 7 / 3)
    assert_agree(torch.autograd.grad(loss, entropies)[0], [[-0.5 / 3, -0.5 / 3], [-0.5 / 3, 0.0]])


def test_the_rule_asks_for_entropies_when_a_trick_needs_them() -> None:
    assert rule("entropy_bonus").needs == {"entropies"}
    assert rule("token_mean").needs == set()


def test_a_weight_of_zero_is_said_to_do_nothing() -> None:
    assert list(EntropyBonus(0.0).no_effect_reasons(SETUP)) == ["with coef=0 the entropy has no weight"]
    assert not list(EntropyBonus().no_effect_reasons(SETUP))
