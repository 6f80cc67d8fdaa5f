from __future__ import annotations

import pytest
import torch

from tests.tricks.batches import ALONE, ONCE, example, rule
from tricks.api import TrickError
from tricks.catalog import DEFAULT_TRICKS
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize
from tricks.regularization import EntropyBonus, KlLoss
from tricks.rule import UpdateRule
from tricks.surrogates import Clip

ONE_EACH = ("group_norm", "clip_higher", "token_mean", "overlong_filter", "truncated_is", "kl_loss", "soft_overlong")


def test_unfilled_hooks_are_vanilla_ppo_and_nothing_else() -> None:
    closed = ("advantages", "surrogate", "loss_weights")
    assert rule().settings() == {hook: [repr(DEFAULT_TRICKS[hook])] for hook in closed}


def test_a_rule_is_described_hook_by_hook_in_the_order_of_the_pipeline() -> None:
    described = rule(*ONE_EACH).describe()
    assert list(described) == [
        "shape_rewards",
        "keep_samples",
        "advantages",
        "token_weights",
        "surrogate",
        "token_losses",
        "loss_weights",
    ]
    assert described["token_weights"] == ["TruncatedImportance()"]
    assert described["surrogate"] == ["Clip(clip_ratio_high=0.28)"]
    assert rule(*ONE_EACH).settings()["token_weights"] == [repr(TruncatedImportance())]


def test_the_order_of_the_list_never_matters() -> None:
    assert rule(*ONE_EACH).settings() == rule(*reversed(ONE_EACH)).settings()
    given, other = (rule(*names).signal(example()) for names in (ONE_EACH, reversed(ONE_EACH)))
    assert torch.equal(given.advantages, other.advantages)


def test_without_a_trick_the_rule_has_a_filler_in_its_place() -> None:
    update_rule = rule("group_norm", "clip_higher", "kl_loss")
    assert update_rule.without("clip_higher").settings() == rule("group_norm", "kl_loss").settings()
    assert update_rule.without("kl_loss").needs == set()
    assert set(update_rule.tricks) == {"group_norm", "clip_higher", "kl_loss"}


def test_what_a_rule_needs_is_what_its_tricks_need() -> None:
    assert rule("kl_loss", "truncated_is", "entropy_bonus", "group_norm").needs == {
        "ref_log_probs",
        "sampler_log_probs",
        "entropies",
    }


def test_inert_tricks_are_said_and_not_refused() -> None:
    update_rule = rule("clip_higher", setup=ONCE, kl=KlLoss(0.0), entropy=EntropyBonus(0.1))
    assert {name: len(reasons) for name, reasons in update_rule.no_effect_reasons().items()} == {
        "clip_higher": 1,
        "kl": 1,
    }


def test_complaints_of_all_tricks_are_raised_together() -> None:
    with pytest.raises(TrickError) as caught:
        UpdateRule({"group_norm": Normalize("group", "group"), "clip": Clip(1.2, -0.1)}, DEFAULT_TRICKS, ALONE)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["clip", "clip", "group_norm"]
