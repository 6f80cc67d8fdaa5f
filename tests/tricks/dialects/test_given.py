"""What a dialect makes of settings that the user gives, even at our defaults, and of those that nobody gives."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from tests.tricks.dialects.spoken import SETUP, advantages, batch, refusal_line, rule
from tricks.api import TrickError
from tricks.dialects.build import DIALECTS, build_rule, find_dialect, translate
from tricks.dialects.dialect import Dialect, Variant
from tricks.normalization import Normalize
from tricks.presets import PRESETS


@pytest.mark.parametrize(
    ("emulate", "name", "settings"),
    [
        ("areal", "group_norm", {"eps": 1e-6}),
        ("areal", "batch_norm", {"ddof": 1}),
        ("verl", "constant_length", {"length": "limit"}),
        ("slime", "constant_length", {"per_response": True}),
        ("slime", "kl_loss", {"value_bound": 10.0}),
        ("nemo_rl", "kl_loss", {"value_bound": 10.0, "log_ratio_bound": None}),
        ("verl", "dual_clip", {"dual_clip": 3.0}),
    ],
)
def test_a_free_setting_holds_at_its_default(emulate, name, settings):
    advantages = {} if name in {"group_norm", "batch_norm"} else {"group_mean": {}}
    aggregation = {} if name == "constant_length" else {"token_mean": {}}
    found = rule(emulate, **{**advantages, **aggregation, name: settings}).tricks[name]
    assert {key: getattr(found, key) for key in settings} == settings


@pytest.mark.parametrize(
    ("emulate", "name", "settings", "words"),
    [
        ("verl", "group_norm", {"zero_std": "zero"}, "fixes 'eps' (verl/trainer/ppo/core_algos.py:267), got 'zero'"),
        ("trl", "group_norm", {"eps": 1e-6}, "fixes 0.0001 (trl/trainer/grpo_trainer.py:2787), got 1e-06"),
        (
            "slime",
            "kl_loss",
            {"log_ratio_bound": 20.0},
            "fixes null (slime/utils/ppo_utils.py:12), got 20.0",
        ),
        (
            "verl",
            "clip",
            {"dual_clip": None},
            "takes 3.0 where none is given (verl/trainer/ppo/core_algos.py:1323), got null",
        ),
        ("oat", "clip", {"log_ratio_bound": 20}, "fixes null (oat/algorithms/ppo.py:532), got 20.0"),
        ("roll", "constant_length", {"per_response": True}, "fixes false (roll/utils/functionals.py:269), got true"),
        (
            "nemo_rl",
            "leave_one_out_norm",
            {"zero_std": "zero"},
            "fixes 'keep' (nemo_rl/algorithms/utils.py:104)",
        ),
    ],
)
def test_a_fixed_setting_is_refused_at_our_default_with_the_frameworks_value_and_its_source(
    emulate, name, settings, words
):
    (key,) = settings
    advantages = {} if "norm" in name else {"group_norm": {}}
    with pytest.raises(TrickError) as caught:
        rule(emulate, **advantages, **{name: settings})
    assert refusal_line(caught.value).startswith(f"{name}.{key}: {emulate} ")
    assert words in refusal_line(caught.value)
    assert refusal_line(caught.value).endswith(f"; leave {key} out, or leave emulate out")


def test_settings_that_nobody_gives_are_the_frameworks():
    assert rule("areal", group_norm={}, token_mean={}).tricks["group_norm"].eps == 1e-5
    assert rule("verl", group_mean={}, constant_length={}).tricks["constant_length"].length == "padded"
    assert rule("verl", group_norm={}, clip={}).tricks["clip"].dual_clip == 3.0


@pytest.mark.parametrize(
    ("settings", "mean", "std"),
    [
        ({}, "leave_one_out", "leave_one_out"),
        ({"mean": "group"}, "group", "group"),
        ({"std": "group"}, "group", "group"),
        ({"mean": "group", "std": "group"}, "group", "group"),
        ({"mean": "leave_one_out", "std": "leave_one_out"}, "leave_one_out", "leave_one_out"),
        ({"std": "none"}, "leave_one_out", "none"),
        ({"mean": "group", "std": "none"}, "group", "none"),
    ],
)
def test_nemo_rls_switch_is_off_where_a_group_mean_is_written(settings, mean, std):
    found = rule("nemo_rl", group_norm=settings).tricks["group_norm"]
    assert (found.mean, found.std) == (mean, std)


# Eight rewards, one of them 1. The others' mean is 0 and their deviation 0, which does not divide. The group's mean is
# 1/8, its deviation with n - 1 sqrt(7/8 / 7) = 0.353553: 7/8 / 0.353553 = 2.474874. Other rewards: -1/8 of that scale.
@pytest.mark.parametrize(
    ("settings", "right", "wrong"), [({}, 1.0, -0.377964), ({"mean": "group"}, 2.474867, -0.353552)]
)
def test_the_advantages_of_nemo_rl_with_its_switch_on_and_off(settings, right, wrong):
    sampled = batch([1.0] + [0.0] * 7)
    found = advantages(rule("nemo_rl", group_norm=settings).tricks["group_norm"], sampled).tolist()
    assert found == pytest.approx([right] + [wrong] * 7, rel=2e-6)


@pytest.mark.parametrize(("one", "other"), [("group", "leave_one_out"), ("leave_one_out", "group")])
def test_nemo_rl_refuses_a_mean_and_a_deviation_of_two_kinds(one, other):
    with pytest.raises(TrickError, match=rf"^group_norm: nemo_rl has .* got mean={one} with std={other}; leave"):
        rule("nemo_rl", group_norm={"mean": one, "std": other})


def test_a_group_mean_that_is_written_is_nemo_rls_without_its_switch():
    assert rule("nemo_rl", group_mean={}).tricks["group_mean"].mean == "leave_one_out"
    assert rule("nemo_rl", group_mean={"mean": "group"}).tricks["group_mean"].mean == "group"


def test_a_setting_of_the_user_over_the_presets_is_the_users():
    # ScaleRL has about=group, which AReaL fixes; the default of the class is own.
    plain: dict[str, Any] = {"cispo": None, "clip": {}, "prompt_mean": None, "token_mean": {}}
    plain |= {"zero_variance_filter": None}
    assert build_rule("scalerl", plain, "areal", SETUP).tricks["group_mean_batch_std"].about == "group"
    with pytest.raises(
        TrickError, match=r"^group_mean_batch_std\.about: areal fixes 'group' .* got 'own'; leave about"
    ):
        build_rule("scalerl", {**plain, "group_mean_batch_std": {"about": "own"}}, "areal", SETUP)


@pytest.mark.parametrize(("preset", "emulate"), list(product(PRESETS, DIALECTS)))
def test_a_preset_with_nothing_written_over_it_is_the_frameworks_version(preset, emulate):
    """Writing its tricks as {} gives nothing either."""
    given: Mapping[str, Mapping[str, Any]] = {name: {} for name in PRESETS[preset].tricks}
    assert _lines(preset, given, emulate) == _lines(preset, {}, emulate)


def _lines(preset: str, tricks: Mapping[str, Any], emulate: str) -> Any:
    try:
        return build_rule(preset, tricks, emulate, SETUP).settings()
    except TrickError as error:
        return str(error)


def test_an_aggregation_that_the_surrogate_ignores_is_refused_where_its_settings_are_written():
    given: dict[str, Any] = {"group_norm": {}, "gspo": {}}
    assert repr(rule("verl@0.9.0", **given, token_mean={}).tricks["token_mean"]).startswith("SequenceMean(")
    with pytest.raises(TrickError) as caught:
        rule("verl@0.9.0", **given, token_mean={"scope": "update"})
    assert refusal_line(caught.value) == (
        "token_mean.scope: verl 0.9.0 computes SequenceMean in place of token_mean "
        "(verl/trainer/ppo/core_algos.py:1603), got 'update'; leave scope out, or leave emulate out"
    )


def test_an_aggregation_of_the_surrogates_own_class_keeps_what_is_written():
    given: dict[str, Any] = {"group_norm": {}, "gspo": {}}
    assert rule("verl", **given, sequence_mean={"scope": "update"}).tricks["sequence_mean"].scope == "update"
    with pytest.raises(TrickError, match=r"^sequence_mean\.count: verl fixes 'all' .*, got 'kept'; leave count out"):
        rule("verl", **given, sequence_mean={"count": "kept"})
    with pytest.raises(TrickError, match=r"^sequence_mean\.scope: verl has .*, got scope=prompt; leave scope out"):
        rule("verl", **given, sequence_mean={"scope": "prompt"})


def test_several_written_settings_are_named_in_the_order_in_which_they_are_written():
    with pytest.raises(TrickError, match=r"got std=none with mean=none; leave std out, leave mean out, choose"):
        rule("trl", batch_norm={"std": "none", "mean": "none"})


def test_a_row_may_hold_only_where_a_setting_is_given():
    rows = (Variant(Normalize, "a:1", then={"eps": 1e-3}, asked=("ddof",)), Variant(Normalize, "a:2"))
    dialect = Dialect("made_up", "no/where", "0", rows)
    assert translate(dialect, {"norm": Normalize()})["norm"].eps == 1e-6
    assert translate(dialect, {"norm": Normalize()}, {"norm": ("ddof",)})["norm"].eps == 1e-3


@pytest.mark.parametrize("emulate", DIALECTS)
def test_rows_require_and_ask_for_settings_that_exist(emulate):
    for row in find_dialect(emulate).variants:
        assert {*row.required} <= {*row.free} & {*row.then}
        assert {*row.asked} <= {*row.cls.__dataclass_fields__}


def test_a_clash_of_a_written_setting_with_the_frameworks_own_says_so():
    rule("none", clip={"clip_ratio_high": 2.5})
    with pytest.raises(TrickError) as caught:
        rule("verl", group_norm={}, clip={"clip_ratio_high": 2.5})
    assert refusal_line(caught.value) == (
        "clip: dual_clip must be above 3.5, the upper end of the clip range, got 3.0, as verl computes it where "
        "clip_ratio_high=2.5 is given; change one of these settings, or leave emulate out"
    )
    with pytest.raises(TrickError, match="^group_norm: eps must be a finite number .*, got -1.0$"):
        rule("areal", group_norm={"eps": -1.0}, token_mean={})
