"""verl's configuration is read and written as its releases mean it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tricks.frameworks.tables import LOOP, Option
from tricks.api import TrickError
from tricks.dialects import ALL_RELEASES, build_rule
from tricks.frameworks.explanation import Explanation, explain_options, setup_of
from tricks.frameworks.verl import TABLE
from tricks.frameworks.writing import export_rule

ACTOR = "actor_rollout_ref.actor."
GRPO: dict[str, Any] = {"algorithm.adv_estimator": "grpo", "actor_rollout_ref.rollout.n": 8}


def explained(release: str = "", **given: Any) -> Explanation:
    """GRPO with other options, whose dots are written as two underscores."""
    options = GRPO | {name.replace("__", "."): value for name, value in given.items()}
    return explain_options(TABLE, release, [Option(name, value) for name, value in options.items()])


def faults(found: Explanation) -> set[str]:
    return {fault.name for fault in found.faults}


def actor(**given: Any) -> dict[str, Any]:
    return {f"{ACTOR}{name.replace('__', '.')}": value for name, value in given.items()}


def test_up_to_0_3_0_the_kl_is_in_the_reward_and_the_entropy_in_the_loss_by_default() -> None:
    assert explained("0.3.0.post1").tricks == {
        "group_norm": {},
        "clip": {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2},
        "token_mean": {},
        "kl_reward": {"coef": 0.001, "estimator": "k1"},
        "entropy_bonus": {"coef": 0.001},
    }
    assert set(explained("0.4.0").tricks) == {"group_norm", "clip", "token_mean"}


def test_clip_ratio_alone_changes_nothing_from_0_4_0() -> None:
    older, newer = (explained(release, **actor(clip_ratio=0.1)) for release in ("0.3.0.post1", "0.9.1"))
    assert older.tricks["clip"]["clip_ratio_low"] == 0.1
    assert newer.tricks["clip"]["clip_ratio_low"] == 0.2
    assert "clip_ratio has no effect" in faults(newer) - faults(older)


@pytest.mark.parametrize(
    ("release", "mean", "fault"),
    [
        ("0.9.0", "SequenceMean(scope='update', count='all')", "GSPO ignores loss_agg_mode"),
        ("0.9.1", "TokenMean(scope='update', count='kept')", "GSPO in the token mean"),
    ],
)
def test_gspo_is_averaged_as_its_release_does(release: str, mean: str, fault: str) -> None:
    found = explained(release, **actor(policy_loss__loss_mode="gspo"))
    assert found.rule is not None
    assert found.rule.settings()["loss_weights"] == [mean]
    assert fault in faults(found)


def test_a_threshold_of_two_numbers_drops_what_is_outside_from_0_8_0() -> None:
    place = "algorithm.rollout_correction."
    given = {f"{place}rollout_is": "token", f"{place}rollout_is_threshold": "0.5_5.0"}
    assert explained("0.8.0", **given).tricks["truncated_is"] == {
        "level": "token",
        "cap": 5.0,
        "floor": 0.5,
        "outside": "drop",
    }
    assert any("rollout_is_threshold='0.5_5.0'" in problem for problem in explained("0.7.1", **given).problems)


def test_the_lower_bound_of_0_6_0_is_one_over_the_upper_one() -> None:
    names = {"rollout_is": True, "rollout_is_threshold": 4.0, "rollout_is_mode": "mask"}
    found = explained("0.6.0", **{f"algorithm.{name}": value for name, value in names.items()})
    assert found.tricks["truncated_is"]["floor"] == 0.25
    assert "veto" in faults(found)


def test_a_weight_of_cispo_is_not_below_0() -> None:
    found = explained(**actor(policy_loss__loss_mode="cispo", clip_ratio_low=10, clip_ratio_high=0.2))
    assert found.tricks["cispo"] == {"low": 0.0, "high": 1.2}


def test_updates_are_counted_in_prompts() -> None:
    found = explained(data__train_batch_size=1024, **actor(ppo_mini_batch_size=256, ppo_epochs=2))
    assert (found.loop["updates_per_rollout"], found.loop["prompts_per_batch"], found.loop["group_size"]) == (
        8,
        1024,
        8,
    )


@pytest.mark.parametrize("estimator", ["gae", "remax", "gpg", "grpo_passk"])
def test_an_estimator_that_no_trick_computes_is_named_and_the_rest_is_explained(estimator: str) -> None:
    found = explained(**{"algorithm.adv_estimator": estimator})
    assert found.rule is not None
    assert [problem.split(":")[0] for problem in found.problems] == ["advantages"]


WRITTEN: dict[str, dict[str, Any]] = {
    "icepop": {"truncated_is": {"cap": 5.0, "floor": 0.5, "outside": "drop"}},
    "truncated": {"truncated_is": {"cap": 3.0, "level": "sequence"}},
    "k3+": {"kl_loss": {"gradient": "k2", "coef": 0.01}},
    "k2": {"kl_loss": {"estimator": "k2"}},
    "opo": {"group_norm": None, "group_mean": {"weights": "token"}},
    "entropy": {"entropy_bonus": {"coef": 0.01}},
    "KL in the reward": {"kl_reward": {"coef": 0.01}},
    "dual clip": {"dual_clip": {"dual_clip": 5.0}},
    "cispo": {"cispo": {"low": 0.8, "high": 1.28}},
    "overlong": {"soft_overlong": {"cache": 512, "weight": 0.5}},
    "token-sum": {"sequence_mean": None, "constant_length": {"per_response": False, "length": 1}},
    "constant": {"sequence_mean": None, "constant_length": {"length": 4096}},
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_release_can_express_beyond_presets_is_read_back(name: str) -> None:
    built = 0
    for release in ALL_RELEASES["verl"].known_releases:
        try:
            rule = build_rule("grpo", WRITTEN[name], f"verl@{release}", setup_of(LOOP))
        except TrickError:
            continue
        lines = export_rule(TABLE, rule, LOOP, release).lines
        read = explain_options(TABLE, release, [Option(line.name, line.value) for line in lines])
        assert read.rule is not None, (release, read.problems)
        assert read.rule.settings() == rule.settings()
        assert (read.problems, read.unknown, read.unplaced) == ((), (), ())
        built += 1
    assert built


def test_options_of_the_asynchronous_trainer_count_only_where_they_are_given() -> None:
    name = "async_training.staleness_threshold"
    assert explain_options(TABLE, "", []).not_modeled == ()
    given = explain_options(TABLE, "", [Option(name, 0.5)])
    assert [option.name for option in given.not_modeled] == [name]
