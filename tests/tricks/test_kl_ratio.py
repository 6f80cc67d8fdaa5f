"""The KL that is multiplied by the importance ratio, against values derived by hand, and TRL's ratio of responses."""

from __future__ import annotations

from dataclasses import replace
from math import exp

import pytest
import torch

from tests.tricks.batches import rollouts
from tests.tricks.dialects.spoken import rule
from tricks.fired import compute_token_gradients
from tricks.regularization import KlLoss

NOW, OLD, REF = [-1.0, -0.5], [-1.4, -0.3], [-0.7, -1.0]


def _parts(emulate: str, **tricks):
    """Loss and gradient of a response of two tokens whose advantage is 0, so that the KL alone acts."""
    numbers = {name: torch.tensor([row, row], dtype=torch.float64) for name, row in (("old", OLD), ("ref", REF))}
    sampled = rollouts([1.0, 1.0], [0, 0], lengths=[2, 2], dtype=torch.float64, old_log_probs=numbers["old"])
    sampled = replace(sampled, ref_log_probs=numbers["ref"])
    chosen = rule(emulate, group_mean={}, sequence_mean={}, **tricks)
    signal = chosen.signal(sampled)
    log_probs = torch.tensor([NOW, NOW], dtype=torch.float64)
    weights = chosen.loss_weights(signal)
    loss = chosen.loss(log_probs, signal, weights)
    return loss.item(), compute_token_gradients(chosen, log_probs, signal, weights)[0][0].tolist()


def _flat(parts):
    return [parts[0], *parts[1]]


def test_k3_times_the_ratio_has_the_gradient_of_the_true_kl():
    """x = ref - now is 0.3 and -0.5, the ratio exp(0.4) and exp(-0.2); each token has weight 1/4."""
    loss, gradient = _parts("none", kl_loss={"coef": 1.0, "gradient": "ratio", "value_bound": None})
    values = [exp(0.4) * (exp(0.3) - 1 - 0.3), exp(-0.2) * (exp(-0.5) - 1 + 0.5)]
    assert loss == pytest.approx(sum(values) / 2, rel=1e-12)
    assert gradient == pytest.approx([exp(0.4) * -0.3 / 4, exp(-0.2) * 0.5 / 4], rel=1e-12)


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_it_multiplies_every_estimator(estimator):
    """k1 gives rho (1 - x), k2 gives rho (x^2 / 2 - x), k3 gives -rho x."""
    _, gradient = _parts("none", kl_loss={"coef": 1.0, "gradient": "ratio", "estimator": estimator})
    wanted = {"k1": lambda x: 1 - x, "k2": lambda x: x * x / 2 - x, "k3": lambda x: -x}[estimator]
    assert gradient == pytest.approx([exp(0.4) * wanted(0.3) / 4, exp(-0.2) * wanted(-0.5) / 4], rel=1e-12)


def test_trl_multiplies_by_the_ratio_from_1_10_0_on_and_before_where_it_is_told_to():
    ratio = _flat(_parts("none", kl_loss={"gradient": "ratio", "log_ratio_bound": None, "value_bound": None}))
    own = _flat(_parts("none", kl_loss={"log_ratio_bound": None, "value_bound": None}))
    assert _flat(_parts("trl@1.9.2", kl_loss={})) == pytest.approx(own)
    assert _flat(_parts("trl@1.10.0", kl_loss={})) == pytest.approx(ratio)
    assert _flat(_parts("trl@1.16.0", kl_loss={"gradient": "own"})) == pytest.approx(own)
    assert _flat(_parts("trl@0.26.0", kl_loss={"gradient": "ratio"})) == pytest.approx(ratio)
    assert own != pytest.approx(ratio)


def test_beside_gspo_trl_multiplies_by_the_ratio_of_the_response():
    """s = exp((0.4 - 0.2) / 2); the log-prob of a token moves s by s / 2, and s times the sum of both values."""
    loss, gradient = _parts("trl", gspo={}, kl_loss={"coef": 1.0})
    s, values = exp(0.1), [exp(0.3) - 1 - 0.3, exp(-0.5) - 1 + 0.5]
    assert loss == pytest.approx(s * sum(values) / 2, rel=1e-12)
    shared = s * sum(values) / 2
    assert gradient == pytest.approx([(shared + s * (1 - exp(0.3))) / 4, (shared + s * (1 - exp(-0.5))) / 4], rel=1e-12)
    assert KlLoss().gradient == "own"
