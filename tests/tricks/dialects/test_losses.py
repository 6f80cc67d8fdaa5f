"""Whole updates in each dialect against the frameworks' formulas, loss and gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.tricks.batches import AGREEMENT, DTYPES, example, moved
from tests.tricks.dialects import reference
from tests.tricks.dialects.spoken import gradient, loss, rule

CASES: dict[reference.Reference, tuple[str, dict[str, Any]]] = {
    reference.verl_grpo: ("verl", {"group_norm": {}, "sequence_mean": {}}),
    reference.verl_reinforce_pp: ("verl", {"kl_to_go": {}, "token_whitening": {}, "token_mean": {}}),
    reference.trl_dapo_static: (
        "trl",
        {"group_norm": {}, "clip_higher": {}, "token_mean": {}, "overlong_filter": {}},
    ),
    reference.trl_grpo_masked: ("trl", {"group_norm": {}, "sequence_mean": {}, "overlong_filter": {}}),
    reference.roll_lite_ppo: ("roll", {"group_mean_batch_std": {}, "token_mean": {}}),
    reference.openrlhf_reinforce_baseline: (
        "openrlhf",
        {"group_mean": {}, "token_whitening": {}, "kl_loss": {"estimator": "k2"}, "token_mean": {}},
    ),
    reference.areal_gspo: ("areal", {"group_norm": {}, "gspo": {}, "sequence_mean": {}}),
    reference.openrlhf_gspo: ("openrlhf", {"group_norm": {}, "gspo": {}, "token_mean": {}}),
    reference.nemo_rl_grpo: ("nemo_rl", {"group_norm": {}, "kl_loss": {"coef": 1e-2}, "sequence_mean": {}}),
    reference.open_instruct_cispo: ("open_instruct", {"group_norm": {}, "cispo": {"high": 1.272}, "token_mean": {}}),
    reference.oat_dr_grpo: ("oat", {"group_mean": {}, "constant_length": {}, "overlong_filter": {}}),
    reference.prime_rl_default: ("prime_rl", {"group_mean": {}, "token_mean": {}}),
    reference.slime_dapo_static: (
        "slime",
        {"group_norm": {}, "clip_higher": {}, "token_mean": {}, "overlong_filter": {}},
    ),
    reference.ms_swift_weighed_kl: (
        "ms_swift",
        {"group_norm": {}, "truncated_is": {"level": "sequence"}, "kl_loss": {"coef": 0.04}, "token_mean": {}},
    ),
    reference.skyrl_default: ("skyrl", {"group_norm": {}, "kl_loss": {"coef": 1e-2}, "token_mean": {}}),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("formula", CASES, ids=lambda formula: formula.__name__)
def test_a_whole_update_is_the_frameworks_formula(formula, dtype):
    emulate, tricks = CASES[formula]
    chosen, exact, sampled = rule(emulate, **tricks), example(torch.float64), example(dtype)
    leaf = moved(exact, by=2.0).requires_grad_()
    expected = formula(exact, leaf)
    (wanted,) = torch.autograd.grad(expected, leaf)
    log_probs = moved(sampled, by=2.0)
    assert loss(chosen, sampled, log_probs) == pytest.approx(expected.item(), rel=AGREEMENT[dtype])
    found = gradient(chosen, sampled, log_probs).double()
    assert (found - wanted).norm() <= AGREEMENT[dtype] * wanted.norm()


def test_every_dialect_is_compared():
    assert len({emulate for emulate, _ in CASES.values()}) == 12
