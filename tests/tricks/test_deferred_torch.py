"""Rules are named, checked and translated without torch; torch is imported where a trick computes."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from dataclasses import replace

import cloudpickle
import pytest
import torch

from tests.tricks.batches import SETUP, example
from tricks import tensors
from tricks.dialects import build_rule

NAME_EVERYTHING = """
import sys
import tricks.batch, tricks.catalog, tricks.conformance, tricks.fired, tricks.presets, tricks.settings
from tricks import HOOKS, PRESETS, Setup, TrickError, list_rule_hints
from tricks.dialects import DIALECTS, NO_DIALECT, build_rule, choose_tricks
from tricks.io import list_catalog, read_options

built = refused = 0
for preset in PRESETS:
    for dialect in (NO_DIALECT, *DIALECTS):
        for updates in (1, 4):
            try:
                rule = build_rule(preset, {}, dialect, Setup(8, 16, updates, 1024))
            except TrickError:
                refused += 1
                continue
            built += 1
            assert set(rule.settings()) <= set(HOOKS)
            rule.describe(), rule.no_effect_reasons(), rule.hints(), list(list_rule_hints(rule))
            rule.needs, rule.ratio_range, rule.resampling, repr(rule.tricks)
            [rule.without(name) for name in rule.tricks]
for name in ("eps", "mean"):
    try:
        build_rule("grpo", {"group_norm": {name: "no"}}, "trl", Setup(8, 16, 1, 1024))
    except TrickError as error:
        assert "group_norm" in str(error)
list(list_catalog())
assert built > 100 and refused > 0, (built, refused)
assert "torch" not in sys.modules, "torch was imported"
read_options(dtype="float64")
assert "torch" in sys.modules, "the test would not see it"
"""


def test_rules_are_named_and_translated_without_torch() -> None:
    ended = subprocess.run([sys.executable, "-c", NAME_EVERYTHING], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_deferred_module_has_the_attributes_of_torch() -> None:
    assert tensors.torch.where is torch.where
    assert tensors.torch.Tensor is torch.Tensor
    assert vars(tensors.torch)["where"] is torch.where  # kept, so that it is not looked up again
    with pytest.raises(AttributeError, match="no_such_function"):
        _ = tensors.torch.no_such_function  # type: ignore[attr-defined]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copied_rules_and_batches_compute_the_same(copied) -> None:  # type: ignore[no-untyped-def]
    rollouts, rule = example(), build_rule("dapo_static", {}, "trl", SETUP)
    wanted, found = rule.signal(rollouts), copied(rule).signal(copied(rollouts))
    assert torch.equal(wanted.advantages, found.advantages)
    assert torch.equal(wanted.response_mask, found.response_mask)
    assert copied(rule).settings() == rule.settings()


def test_functions_that_use_the_deferred_module_are_sent_to_other_processes() -> None:
    def ones(size: int) -> torch.Tensor:
        return tensors.torch.ones(size)

    assert torch.equal(cloudpickle.loads(cloudpickle.dumps(ones))(3), torch.ones(3))
    assert cloudpickle.loads(cloudpickle.dumps(tensors.torch)).where is torch.where


def test_hooks_compute_without_gradient() -> None:
    rollouts, rule = example(), build_rule("liteppo", {}, "none", SETUP)
    rewards = rollouts.rewards.clone().requires_grad_()
    assert torch.is_grad_enabled()
    signal = rule.signal(replace(rollouts, rewards=rewards))
    assert not signal.advantages.requires_grad
    assert torch.is_grad_enabled()
    assert rule.signal.__name__ == "signal"
