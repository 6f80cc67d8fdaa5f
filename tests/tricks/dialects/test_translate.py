"""How parts become a framework's, and how refusals read."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from torch import Tensor

from tests.tricks.dialects.spoken import rule, spoken, trick
from tricks.aggregation import SequenceMean, TokenMean
from tricks.api import TrickError
from tricks.batch import Rollouts
from tricks.catalog import DEFAULT_TRICKS
from tricks.dialects.build import DIALECTS, find_dialect, translate
from tricks.dialects.dialect import Dialect, Variant
from tricks.dialects.own_tricks import ProbabilityMask
from tricks.normalization import Normalize


def test_a_fixed_setting_takes_the_frameworks_value():
    assert spoken("trl", "group_norm").eps == 1e-4


def test_a_free_setting_keeps_the_users_value():
    assert spoken("verl", "clip_higher", clip_ratio_high=0.3).clip_ratio_high == 0.3


def test_a_frameworks_default_gives_way_to_a_setting_of_the_user():
    assert spoken("verl", "dual_clip", dual_clip=5.0).dual_clip == 5.0


def test_a_setting_that_contradicts_the_framework_is_refused_with_its_source():
    with pytest.raises(TrickError) as caught:
        spoken("verl", "group_norm", eps=1e-3)
    assert str(caught.value) == (
        "group_norm.eps: verl fixes 1e-06 (verl/trainer/ppo/core_algos.py:267), got 0.001; "
        "leave eps out, or leave emulate out"
    )


def test_the_frameworks_own_value_may_be_written_out():
    assert spoken("trl", "group_norm", eps=1e-4) == spoken("trl", "group_norm")


def test_a_setting_that_the_framework_does_not_know_is_refused():
    with pytest.raises(
        TrickError, match=r"^group_norm\.weights: verl has no such choice .* leave weights out, or leave"
    ):
        spoken("verl", "group_norm", weights="token")


def test_a_choice_without_a_row_is_refused_with_the_choices_there_are():
    with pytest.raises(TrickError) as caught:
        spoken("prime_rl", "prompt_mean")
    assert str(caught.value) == (
        "prompt_mean: prime_rl has scope=update, got scope=prompt; choose one of these, or leave emulate out"
    )


def test_a_class_that_the_framework_lacks_is_refused_with_the_reason_and_what_to_choose():
    with pytest.raises(TrickError) as caught:
        spoken("areal", "sequence_mean")
    assert str(caught.value) == (
        "sequence_mean: areal averages over tokens alone (areal/utils/functional/functional.py:542); "
        "choose token_mean, or leave emulate out"
    )


def test_a_trick_of_another_package_is_refused():
    @dataclass(frozen=True, slots=True)
    class Doubled:
        def shape_rewards(self, rollouts: Rollouts) -> Tensor:
            return rollouts.rewards

    with pytest.raises(TrickError) as caught:
        translate(find_dialect("verl"), {"doubled": Doubled()})
    assert str(caught.value) == ("doubled: verl has nothing that computes it; leave doubled out, or leave emulate out")


def test_a_filler_is_translated_under_the_name_of_its_hook():
    assert translate(find_dialect("verl"), {"surrogate": DEFAULT_TRICKS["surrogate"]})["surrogate"].dual_clip == 3.0


def test_a_filler_that_the_framework_lacks_is_refused():
    with pytest.raises(TrickError, match="^loss_weights: open_instruct divides by tokens .* choose token_mean"):
        rule("open_instruct", group_norm={})


def test_a_filler_whose_hook_a_trick_takes_is_translated_for_the_rule_without_that_trick():
    assert rule("verl", group_norm={}, clip_higher={}).without("clip_higher").fillers["surrogate"].dual_clip == 3.0


def test_a_filler_whose_hook_a_trick_takes_stays_as_it_is_where_the_framework_lacks_it():
    parts = {"loss_weights": SequenceMean(), "token_mean": TokenMean()}
    assert translate(find_dialect("areal"), parts)["loss_weights"] == SequenceMean()


def test_prime_rl_puts_its_mask_where_no_surrogate_is_chosen():
    assert rule("prime_rl", group_mean={}, token_mean={}).fillers["surrogate"] == ProbabilityMask()


def test_prime_rl_refuses_a_clip_that_was_chosen():
    with pytest.raises(TrickError, match="^clip: prime_rl masks by the change of a probability"):
        spoken("prime_rl", "clip")


def test_whitening_after_a_group_norm_is_refused_where_the_framework_does_not_do_it():
    with pytest.raises(
        TrickError, match="^group_norm: openrlhf does not whiten after a group norm .*; choose group_mean"
    ):
        rule("openrlhf", group_norm={}, token_whitening={})


def test_raw_rewards_are_fine_where_they_are_whitened():
    assert rule("verl", token_whitening={}).tricks["token_whitening"].eps == 1e-8


def test_the_first_row_that_fits_counts():
    rows = tuple(Variant(Normalize, "a:1", {"mean": "group"}, {"eps": eps}) for eps in (1e-3, 1e-2))
    dialect = Dialect("made_up", "no/where", "0", rows)
    assert translate(dialect, {"norm": trick("group_mean")})["norm"].eps == 1e-3


def test_an_unknown_dialect_is_refused_with_the_nearest():
    with pytest.raises(TrickError, match="^unknown dialect 'verk'; did you mean 'verl'"):
        find_dialect("verk")


def test_the_dialects_are_those_of_the_design():
    names = "verl trl roll openrlhf areal nemo_rl open_instruct oat prime_rl slime ms_swift skyrl trl_async"
    assert list(DIALECTS) == names.split()
