"""Every rule on one batch, against the baseline."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.replay.frozen import ARMS, BASELINE, ReplayArm, compare_gradients, compute_gradients, cosine, gradient
from tricks.api import TrickError
from tricks.batch import Signal
from tricks.catalog import DEFAULT_TRICKS
from tricks.dialects.build import build_rule
from tricks.io.apply import infer_setup
from tricks.io.document import Document, read_document
from tricks.rule import UpdateRule

# Two prompts with two answers each, of 1, 3, 2 and 2 tokens, one right answer in the first, two in the second.
BATCH: dict[str, Any] = {
    "rewards": [1, 0, 1, 1],
    "group": [0, 0, 1, 1],
    "lengths": [1, 3, 2, 2],
    "log_probs": [[-1.0], [-1.0, -2.0, -0.5], [-0.25, -1.0], [-3.0, -0.125]],
}


def batch(**changes: Any) -> Document:
    return read_document(json.dumps(BATCH | changes).encode(), torch.float64)


def numbers(document: Document) -> dict[str, tuple[float | None, ...]]:
    made, mask = compute_gradients(document, infer_setup(document.rollouts, 4)), document.rollouts.response_mask
    gradients = {arm: pull.log_probs[mask] for arm, pull in made.by_arm.items()}
    baseline = next(found for arm, found in gradients.items() if arm.name == BASELINE)
    results = compare_gradients(gradients, baseline, made)
    titles = [arm.title for arm in made.by_arm]
    found = ((one.cosine, one.norm_ratio, one.sign_flips, one.fired) for one in results)
    return dict(zip(titles, found, strict=True))


def test_the_eight_tricks_come_first_and_every_preset_is_an_arm() -> None:
    assert [arm.kind for arm in ARMS[:9]] == ["paper"] * 8 + ["peer"]
    assert len({arm.title for arm in ARMS}) == len(ARMS)


def test_a_rule_that_is_the_baseline_has_cosine_and_norm_one_and_never_fires() -> None:
    assert numbers(batch())["sequence_mean"] == (pytest.approx(1), 1, 0, 0)
    assert numbers(batch())["preset vanilla_ppo"] == (pytest.approx(1), 1, 0, None)


def test_a_group_mean_against_raw_rewards_by_hand() -> None:
    # Baseline: -r / (4 |o|), that is -1/4; 0 three times; -1/8 four times. Its square is 1/16 + 4/64 = 1/8.
    # Group mean: A = 1/2, -1/2, 0, 0, that is -1/8; +1/24 three times; 0. Its square is 1/64 + 3/576 = 1/48.
    # The product is 1/32: cosine (1/32) / sqrt(1/8 * 1/48) = 0.6124; ratio sqrt(8/48) = 0.4082. No sign turns round.
    found = numbers(batch())["group_mean"]
    assert found == (pytest.approx(math.sqrt(384) / 32), pytest.approx(math.sqrt(1 / 6)), 0, 1)


def test_a_sign_flip_is_counted_among_the_coordinates_of_the_baseline() -> None:
    # With rewards 1, 3 and 1, 1 the baseline pulls at all 8 tokens; the group mean turns that of the first round.
    assert numbers(batch(rewards=[1, 3, 1, 1]))["group_mean"][2] == 1 / 8


def test_a_rule_without_a_gradient_has_a_norm_and_no_direction() -> None:
    assert numbers(batch(rewards=[1, 1, 1, 1]))["group_mean"][:3] == (None, 0, None)


def test_groups_that_would_be_drawn_anew_are_left_out() -> None:
    document = batch()
    rule = build_rule(BASELINE, {"dynamic_sampling": {}}, "none", infer_setup(document.rollouts, 4))
    found, _ = gradient(rule, document)
    # Two responses are left: -1/2 on the only token of the right one.
    assert found.tolist() == [[-0.5, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert numbers(document)["dynamic_sampling"][3] == 4 / 8


def test_what_a_batch_lacks_is_said_by_arm() -> None:
    document = batch()
    refused = compute_gradients(document, infer_setup(document.rollouts, 4)).refused
    assert refused["kl_loss"] == "kl_loss needs ref_log_probs, which this batch lacks; add it or leave kl_loss out"
    assert refused["entropy_bonus"] == "needs entropies, which this batch lacks; add them"
    assert "preset reinforce_pp" in refused


@dataclass(frozen=True)
class Exploding:
    """A trick of somebody else's that no bound holds."""

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        return log_ratio * torch.inf


def test_an_infinite_gradient_is_refused() -> None:
    document = batch()
    rule = UpdateRule({"exploding": Exploding()}, DEFAULT_TRICKS, infer_setup(document.rollouts, 4))
    with pytest.raises(TrickError, match="the gradient is not finite"):
        gradient(rule, document)


def test_the_angle_between_vectors_is_taken_in_float64() -> None:
    one = torch.full((1000,), 1e-30)
    assert cosine(one, one) == pytest.approx(1)  # in float32 the squares would be 0
    assert cosine(one, -one) == pytest.approx(-1)
    assert cosine(one, torch.zeros(1000)) is None


def test_arms_of_one_name_have_two_titles() -> None:
    assert (ReplayArm("rloo", "peer").title, ReplayArm("rloo", "preset").title) == ("rloo", "preset rloo")
