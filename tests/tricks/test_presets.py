from __future__ import annotations

import math

import pytest
import torch

from tests.tricks.batches import SETUP, assert_agree, example, in_both_precisions, moved
from tests.tricks.equations import EQUATIONS, sampled
from tricks.catalog import find_trick
from tricks.dialects.build import build_rule
from tricks.presets import PRESETS, find_preset
from tricks.rule import UpdateRule

# Settings under which a small batch shows every part of an equation.
OVERRIDES = {"dapo": {"soft_overlong": {"cache": 4}}}


def preset_rule(preset: str) -> UpdateRule:
    return build_rule(preset, OVERRIDES.get(preset, {}), "none", SETUP)


@in_both_precisions
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_the_advantages_loss_and_gradient_of_its_equation(preset: str, dtype: torch.dtype) -> None:
    batch = example(dtype, prompts=3)
    log_probs, update_rule = moved(batch).requires_grad_(), preset_rule(preset)
    signal = update_rule.signal(batch)
    loss = update_rule.loss(log_probs, signal, update_rule.loss_weights(signal))
    paper = sampled(batch, log_probs)
    objective, advantages = EQUATIONS[preset](paper)
    assert_agree(in_response(signal.advantages, batch.response_mask), in_response(advantages, batch.response_mask))
    assert_agree(loss, -objective.item(), size=1.0)  # losses of about 1 cancel
    assert_agree(torch.autograd.grad(loss, log_probs)[0], torch.autograd.grad(-objective, paper.log_pi)[0])


def in_response(advantages: object, mask: torch.Tensor) -> torch.Tensor:
    given = advantages if isinstance(advantages, torch.Tensor) else torch.tensor(advantages, dtype=torch.float64)
    return given.expand(mask.shape)[mask]


def test_every_preset_has_an_equation() -> None:
    assert list(EQUATIONS) == list(PRESETS)
    assert all(name == preset.name for name, preset in PRESETS.items())


def test_the_batch_shows_every_bound_and_every_prompt() -> None:
    # Ratios on both sides of 0.8, 1.2 and 1.28, a truncated response, groups that are mixed and one that is not.
    batch = example(prompts=3)
    log_ratio = (moved(batch) - batch.old_log_probs)[batch.response_mask]
    for bound in (math.log(0.8), math.log(1.2), math.log(1.28)):
        assert (log_ratio < bound).any()
        assert (log_ratio > bound).any()
    assert batch.truncated.any()
    assert [batch.rewards[batch.group == name].sum().item() for name in (3, 1, 7)] == [2, 1, 4]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_names_tricks_and_settings_of_the_catalog(preset: str) -> None:
    for name, settings in find_preset(preset).tricks.items():
        assert find_trick(name).cls(**{**find_trick(name).settings, **settings})


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_names_its_paper_and_what_in_it(preset: str) -> None:
    paper, _, place = PRESETS[preset].source.partition(",")
    assert paper.startswith("arXiv:")
    assert place.strip()


def test_dapo_has_its_five_parts() -> None:
    assert set(PRESETS["dapo"].tricks) == {
        "group_norm",
        "clip_higher",
        "token_mean",
        "soft_overlong",
        "dynamic_sampling",
    }
    assert preset_rule("dapo").resampling == "dynamic_sampling"


def test_dapo_punishes_from_four_fifths_of_the_limit_on() -> None:
    # Of 6 tokens one is cache: the response of 6 loses 1, those of 5 and less nothing. Group 3: 0 0 0 1 after it.
    signal = build_rule("dapo", {}, "none", SETUP).signal(example(torch.float64))
    assert_agree(signal.advantages[:4], [[-0.25 / (0.5 + 1e-6)]] * 3 + [[0.75 / (0.5 + 1e-6)]])
