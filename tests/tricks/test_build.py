from __future__ import annotations

from tests.tricks.batches import SETUP
from tricks.catalog import DEFAULT_TRICKS
from tricks.dialects.build import build_rule, choose_tricks
from tricks.normalization import Normalize
from tricks.surrogates import Clip


def test_a_preset_brings_its_tricks_with_their_settings() -> None:
    assert choose_tricks("liteppo", {})["group_mean_batch_std"] == Normalize("group", "batch")
    assert choose_tricks("scalerl", {})["group_mean_batch_std"] == Normalize("group", "batch", about="group")


def test_settings_over_a_preset_leave_its_other_settings_alone() -> None:
    found = choose_tricks("scalerl", {"group_mean_batch_std": {"eps": 1e-4}})
    assert found["group_mean_batch_std"] == Normalize("group", "batch", about="group", eps=1e-4)


def test_a_trick_is_added_with_the_settings_of_the_catalog_and_those_given() -> None:
    assert choose_tricks("grpo", {"clip_higher": {"clip_ratio_low": 0.1}})["clip_higher"] == Clip(0.1, 0.28)


def test_null_leaves_a_trick_of_the_preset_out() -> None:
    assert list(choose_tricks("grpo", {"sequence_mean": None, "token_mean": {}})) == ["group_norm", "token_mean"]


def test_what_is_given_is_left_alone() -> None:
    given: dict[str, dict[str, float]] = {"group_norm": {"eps": 1e-4}}
    choose_tricks("grpo", given)
    assert given == {"group_norm": {"eps": 1e-4}}
    assert choose_tricks("grpo", {})["group_norm"] == Normalize("group", "group")


def test_without_a_dialect_the_fillers_are_vanilla_ppo() -> None:
    found = build_rule("vanilla_ppo", {}, "none", SETUP)
    assert (found.tricks, found.fillers, found.setup) == ({}, DEFAULT_TRICKS, SETUP)


def test_a_dialect_speaks_tricks_and_fillers() -> None:
    found = build_rule("grpo", {}, "trl", SETUP)
    assert found.tricks["group_norm"].eps == 1e-4
    assert found.fillers["surrogate"] == Clip(log_ratio_bound=None)
