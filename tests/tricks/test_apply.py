"""``apply``: what a rule makes of a JSON batch."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tricks.api import TrickError
from tricks.io.apply import ApplyOptions, apply_as_json, read_options
from tricks.presets import PRESETS

EXAMPLE = Path(__file__).parents[2] / "docs" / "reference" / "rollouts.example.json"

# Two prompts with two answers each, of 1, 3, 2 and 2 tokens; the second prompt has no wrong answer.
BATCH = {
    "rewards": [1, 0, 1, 1],
    "group": ["a", "a", "b", "b"],
    "lengths": [1, 3, 2, 2],
    "log_probs": [[-1.0], [-1.0, -2.0, -0.5], [-0.25, -1.0], [-3.0, -0.125]],
}


def options(*words: str) -> ApplyOptions:
    """Read words as ``liteppo tricks apply`` does."""
    given = dict(word.split("=", 1) for word in words if not word.startswith("tricks."))
    return read_options(**given, tricks=[word for word in words if word.startswith("tricks.")])  # type: ignore[arg-type]


def applied(*words: str, **changes: Any) -> dict[str, Any]:
    found = apply_as_json(options(*words), json.dumps(BATCH | changes).encode())
    return dict(json.loads(found))


def test_lite_ppo_by_hand() -> None:
    found = applied("preset=liteppo", "dtype=float64")
    # Batch mean 3/4, sum of squares 3/16 + 9/16 = 3/4 over n - 1 = 3: deviation 1/2. Group means are 1/2 and 1.
    scale = 0.5 / (0.5 + 1e-6)
    assert found["advantages"] == pytest.approx([scale, -scale, 0, 0], rel=1e-12)
    # Eight tokens weigh 1/8 each; at ratio 1 the gradient is -A/8 and the loss -(1 A - 3 A)/8 = A/4.
    assert found["loss_weights"] == [1 / 8] * 4
    assert found["gradient"][0] == pytest.approx([-scale / 8, 0, 0], rel=1e-12)
    assert found["gradient"][1] == pytest.approx([scale / 8] * 3, rel=1e-12)
    assert found["gradient"][2:] == [[0, 0, 0], [0, 0, 0]]
    assert found["loss"] == pytest.approx(scale / 4, rel=1e-12)


def test_a_clipped_token_has_no_gradient_and_is_counted() -> None:
    # Ratio e^0.3 = 1.35 is above 1.2 with A = +1: the loss is -1.2 and the gradient is 0; of 8 tokens 1 is clipped.
    found = applied(
        "tricks.group_mean={}",
        "tricks.token_mean={}",
        old_log_probs=[[-1.3], [-1.0, -2.0, -0.5], [-0.25, -1.0], [-3.0, -0.125]],
    )
    assert found["gradient"][0] == [0, 0, 0]
    assert found["diagnostics"]["clip_fraction_high"] == 1 / 8


def test_advantages_of_each_token_are_printed_as_rows() -> None:
    # 0.1 a token that the policy is 1 nat above the reference: from a token on, that is 0.3, 0.2, 0.1 of a reward.
    words = ("tricks.kl_to_go.coef=0.1", "dtype=float64")
    reference = [[value - 1 for value in row] for row in BATCH["log_probs"]]  # type: ignore[attr-defined]
    found = applied(*words, ref_log_probs=reference)
    assert found["advantages"][1] == pytest.approx([-0.3, -0.2, -0.1])


def test_a_batch_without_kept_samples_is_skipped_and_nothing_is_divided() -> None:
    found = applied("preset=dapo_static", truncated=[True] * 4)
    assert found["skipped"]
    assert found["loss"] == 0
    assert found["loss_weights"] == [0, 0, 0, 0]
    assert {value for row in found["gradient"] for value in row} == {0}


def test_masks_without_tokens_are_skipped() -> None:
    found = applied("preset=grpo", lengths=[0] * 4, log_probs=[[], [], [], []])
    assert (found["skipped"], found["loss"]) == (True, 0)


def test_a_batch_of_one_sample_is_an_update() -> None:
    # Reward 1 over one response of two tokens: loss -1, each token -1/2.
    found = applied(rewards=[1], group=[0], lengths=[2], log_probs=[[-1.0, -2.0]])
    assert (found["loss"], found["gradient"]) == (-1, [[-0.5, -0.5]])


def test_what_fired_names_share_samples_and_tokens() -> None:
    # Sample 1 is cut off and loses its 3 of 8 tokens; the others keep their gradient but for the denominator.
    found = applied("tricks.overlong_filter={}", "tricks.token_mean={}", rewards=[1, 2, 3, 4], truncated=[0, 1, 0, 0])
    fired = found["fired"]["overlong_filter"]
    assert (fired["share"], fired["samples"]) == (3 / 8, [1])
    assert fired["tokens"] == [[0, 0, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0]]


def test_groups_that_the_loop_would_draw_anew_are_named() -> None:
    found = applied("preset=dapo")
    assert found["accepted"] == [True, True, False, False]  # group b has nothing to tell right from wrong
    assert found["fired"]["dynamic_sampling"]["samples"] == [2, 3]


def test_entropies_get_a_gradient_of_their_own() -> None:
    entropies = [[1.0], [1.0, 0.5, 0.25], [1.0, 1.0], [1.0, 1.0]]
    found = applied("tricks.entropy_bonus.coef=0.5", "tricks.token_mean={}", entropies=entropies)
    assert found["entropy_gradient"][1] == [-0.5 / 8] * 3  # minus coef over eight tokens


def test_micro_batches_change_what_averages_over_them() -> None:
    # Token means of {1, 3} and {2, 2} tokens, averaged: 1/4 a token, over two micro-batches 1/8. With {1} and {3, 2, 2}
    # a token weighs 1/2 and 1/14.
    words = ("tricks.token_mean.scope=micro_batch", "dtype=float64")
    assert applied(*words, micro_batch=[0, 0, 1, 1])["loss_weights"] == [1 / 8] * 4
    assert applied(*words, micro_batch=[5, 3, 3, 3])["loss_weights"] == pytest.approx([1 / 2, *[1 / 14] * 3])


def test_the_same_batch_padded_differently_gives_the_same_numbers() -> None:
    rows = [row + [0.0] * (5 - len(row)) for row in BATCH["log_probs"]]  # type: ignore[attr-defined, arg-type]
    mask = [[1] * len(row) + [0] * (5 - len(row)) for row in BATCH["log_probs"]]  # type: ignore[attr-defined]
    wide = {"rewards": BATCH["rewards"], "group": BATCH["group"], "log_probs": rows, "response_mask": mask}
    ragged, padded = (
        applied("preset=liteppo"),
        json.loads(apply_as_json(options("preset=liteppo"), json.dumps(wide).encode())),
    )
    assert padded["loss"] == ragged["loss"]
    assert [row[:3] for row in padded["gradient"]] == ragged["gradient"]


def test_a_dialect_computes_the_same_algorithm_with_its_own_epsilon() -> None:
    # Rewards 1 and 0: mean 1/2, deviation sqrt(1/2) = 0.7071 with n - 1. TRL adds 1e-4 to it, we add 1e-6.
    deviation = math.sqrt(0.5)
    ours, theirs = (applied("preset=grpo", f"emulate={name}", "dtype=float64") for name in ("none", "trl"))
    assert ours["advantages"][0] == pytest.approx(0.5 / (deviation + 1e-6), rel=1e-12)
    assert theirs["advantages"][0] == pytest.approx(0.5 / (deviation + 1e-4), rel=1e-12)


def test_numbers_are_printed_with_every_bit() -> None:
    found = applied("preset=liteppo", "dtype=float64", rewards=[0.1, 0.7, 1, 1])
    centre = 0.5 * (0.1 + 0.7)
    assert found["advantages"][0] * (spread([0.1, 0.7, 1, 1]) + 1e-6) == pytest.approx(0.1 - centre, rel=1e-14)


def spread(values: list[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_runs_on_the_example(preset: str) -> None:
    found = json.loads(apply_as_json(options(f"preset={preset}"), EXAMPLE.read_bytes()))
    assert not found["skipped"]
    assert set(found["fired"]) == set(PRESETS[preset].tricks)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["preset=reinforce_pp"], "kl_to_go needs ref_log_probs, which this batch lacks; add it or leave kl_to_go out"),
        (
            ["tricks.entropy_bonus={}"],
            "entropy_bonus needs entropies, which this batch lacks; add them or leave it out",
        ),
        (["preset=litppo"], "unknown preset 'litppo'; did you mean 'liteppo'?"),
        (["preset=grpo", "tricks.rloo={}"], "group_norm and rloo both set advantages; keep one"),
        (["preset=grpo", "emulate=tlr"], "unknown dialect 'tlr'; did you mean 'trl'?"),
        (["tricks.group_norm.esp=1"], "group_norm.esp: no such setting; did you mean 'eps'?"),
        (["tricks.group_norm.eps=tiny"], "group_norm.eps: takes a number, got 'tiny'"),
        (["tricks.group_norm.eps=NaN"], "group_norm.eps: takes a number, got 'NaN'"),
    ],
)
def test_what_a_rule_cannot_do_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(TrickError) as refusal:
        applied(*words)
    assert str(refusal.value) == message


def test_infinite_ratios_are_refused_with_their_place() -> None:
    rows = [[-1.0], [-1.0, -2.0, -0.5], [-0.25, -1.0], [-3.0, -0.125]]
    far = [[-1.0], [-1.0, -2000.0, -0.5], [-0.25, -1.0], [-3.0, -0.125]]
    with pytest.raises(TrickError, match=r"not finite; the largest log-ratio is 1998 at log_probs\[1\]\[1\]; check it"):
        applied("tricks.clip.log_ratio_bound=null", "tricks.group_mean={}", log_probs=rows, old_log_probs=far)


def test_a_bounded_ratio_is_finite_however_far_the_policies_are() -> None:
    far = [[-1.0], [-1.0, -2000.0, -0.5], [-0.25, -1.0], [-3.0, -0.125]]
    # A = -1/2 at ratio e^20 (the bound): the loss of that token is e^20 / 2 over 8 tokens.
    found = applied("tricks.group_mean={}", "tricks.token_mean={}", "dtype=float64", old_log_probs=far)
    assert found["loss"] == pytest.approx((math.exp(20) / 2 + 2 / 2 - 1 / 2) / 8)
