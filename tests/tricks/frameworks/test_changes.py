"""Releases side by side: what versions of one framework compute otherwise, and since when a preset is expressed."""

from __future__ import annotations

import math

import pytest
import torch

from tricks.api import TrickError
from tricks.dialects.build import build_rule
from tricks.frameworks.changes import change_lines, compare_releases, trace_preset
from tricks.frameworks.diff import compare_gradients, compare_recipes, gradient_of
from tricks.frameworks.explanation import setup_of
from tricks.frameworks.frozen import frozen_batch
from tricks.frameworks.probe import probe_rule
from tricks.frameworks.registry import find_framework
from tricks.frameworks.sources import load_recipe
from tricks.presets import PRESETS

TRL = find_framework("trl")
MICRO = "the same in two micro-batches, 10 and 30 tokens"
GROUP = "advantages of a group, 1 of 8 right: right, wrong"


def test_an_upgrade_shows_the_numbers_that_changed_with_it() -> None:
    changed = {name: (old, new) for name, old, new in compare_releases(TRL, "0.21.0", "0.22.1").numbers}
    # Wheels run on a CPU: scale_rewards is inverted in 0.22.1, and the default mean is that of the whole step.
    assert changed[GROUP] == ("2.47417, -0.35345", "0.87500, -0.12500")
    assert changed[MICRO] == ("0.05000, 0.01667, 0.01667", "0.02500, 0.02500, 0.02500")


def test_two_equal_releases_differ_in_nothing() -> None:
    same = compare_releases(TRL, "1.12.0", "1.13.0")
    assert (same.numbers, same.defaults, same.faults_ended, same.faults_begun) == ((), (), (), ())
    assert next(change_lines(same)) == "trl 1.12.0 to 1.13.0"


def test_a_release_that_is_not_known_is_refused() -> None:
    with pytest.raises(TrickError, match=r"trl@2\.0\.0: no such release"):
        compare_releases(TRL, "1.0.0", "2.0.0")


def test_a_preset_is_followed_from_the_first_release_that_expresses_it() -> None:
    liteppo = trace_preset("trl", "liteppo")
    assert [event.release for event in liteppo if event.text == "expressed"] == ["0.22.2"]
    dr_grpo = trace_preset("verl", "dr_grpo")
    (eighth,) = (event for event in dr_grpo if event.release == "0.7.1")
    # From 0.7.1 on the sum is divided by the responses of the micro-batch too, eight in the frozen batch.
    assert "cosine 1.000000, norm 0.125 times" in eighth.text


def test_the_numbers_of_a_rule_are_those_of_its_formulas() -> None:
    found = probe_rule(build_rule("grpo", {"kl_loss": {"coef": 1.0}}, "none", setup_of({"group_size": 8})))
    spread = math.sqrt(7 / 64)  # of 1 of 8, with n
    assert float(found[GROUP].partition(",")[0]) == pytest.approx(0.875 / (spread * math.sqrt(8 / 7)), abs=1e-4)
    assert found["weight of a token in responses of 5 and 15, one micro-batch"] == "0.05000, 0.01667, 0.01667"
    assert found["gradient of a token's loss at ratio 1.5, advantage 1 and -1"] == "0.00000, 0.75000"
    assert found["gradient of the KL term where log pi - log ref = 1"] == f"{1 - math.exp(-1):.5f}"


def test_the_frozen_batch_moves_most_presets_apart() -> None:
    batch = frozen_batch()
    assert batch.rollouts.truncated.any()
    assert not batch.rollouts.truncated.all()
    norms = {preset: float(gradient_of(build_rule(preset, {}, "none", setup_of({}))).norm()) for preset in PRESETS}
    assert len({round(norm, 9) for norm in norms.values()}) >= len(PRESETS) - 2


def test_gradients_are_compared_by_angle_and_length() -> None:
    first, second = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 3.0]])
    assert compare_gradients(first, second) == pytest.approx((math.sqrt(0.5), 3 * math.sqrt(2)))
    nothing = torch.zeros(1, 2)
    assert compare_gradients(nothing, nothing) == (1.0, 1.0)
    assert compare_gradients(first, nothing) == (0.0, 0.0)


def test_recipes_of_two_frameworks_are_compared_hook_by_hook() -> None:
    found = compare_recipes(load_recipe("dapo_static@trl@1.16.0"), load_recipe("grpo@trl@1.16.0"))
    assert {hook for hook, _, _ in found.hooks} == {"keep_samples", "surrogate", "loss_weights"}
    assert not found.same_algorithm
    assert 0 < found.cosine < 1
    again = compare_recipes(load_recipe("grpo"), load_recipe("grpo"))
    assert again.same_algorithm
    assert (again.cosine, again.norm_ratio) == (pytest.approx(1.0), pytest.approx(1.0))
