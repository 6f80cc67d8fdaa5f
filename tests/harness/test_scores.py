from __future__ import annotations

import pytest

from harness.training.loop import StepReport
from harness.training.scores import compute_scores, list_held_out_scores
from tests.harness.test_outcomes import EVALUATION


def step(number: int, **metrics: float) -> StepReport:
    return StepReport(number, {name.replace("__", "/"): value for name, value in metrics.items()})


def test_what_fired_is_averaged_over_all_steps() -> None:
    fired = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]  # only in the first of eight, long before the last five
    reports = [step(n, rollout__accuracy=0.5, fired__gspo=share) for n, share in enumerate(fired, start=1)]
    found = compute_scores(reports, {})
    assert found["fired/gspo"] == 1 / 8
    assert "train/fired/gspo" not in found


def test_a_trick_that_never_fired_scores_exactly_zero() -> None:
    reports = [step(n, rollout__accuracy=0.5, fired__gspo=0.0) for n in range(1, 4)]
    assert compute_scores(reports, {})["fired/gspo"] == 0


def test_a_skipped_step_counts_where_it_has_numbers() -> None:
    learned, skipped = {"rollout__accuracy": 0.5, "update__loss": 2.0}, {"rollout__accuracy": 0.1}
    found = compute_scores([step(1, **learned), step(2, **skipped)], {})
    assert found["auc/accuracy"] == found["train/rollout/accuracy"] == 0.3
    assert found["train/update/loss"] == 2.0


def test_timings_are_no_scores() -> None:
    found = compute_scores([step(1, rollout__accuracy=0.5, seconds__step=3.0, tokens_per_second=9.0)], {})
    assert set(found) == {"auc/accuracy", "train/rollout/accuracy"}


def test_scores_are_named_by_their_own_k_and_carry_a_standard_error() -> None:
    few = type(EVALUATION).of(EVALUATION.frame().query("sample < 2"))
    found = dict(list_held_out_scores({"math500": few, "aime24": EVALUATION}))
    assert found["math500/avg@2"] == pytest.approx(1 / 2)
    assert found["aime24/avg@4"] == pytest.approx(5 / 12)
    assert found["accuracy"] == pytest.approx((1 / 2 + 5 / 12) / 2)
    assert {"accuracy/se", "aime24/pass@4/se", "math500/maj@2", "math500/length", "aime24/truncated/se"} <= set(found)
    assert not any(name.startswith(("pass@", "maj@")) for name in found)  # of different k, no mean makes sense


def test_one_k_gives_pass_and_majority_over_all_benchmarks() -> None:
    found = dict(list_held_out_scores({"math500": EVALUATION, "aime24": EVALUATION}))
    assert found["pass@4"] == pytest.approx(2 / 3)
    assert found["maj@4"] == pytest.approx(1 / 3)


def test_the_final_step_counts_and_the_best_one_is_named_so() -> None:
    curve = {0: 0.1, 5: 0.4, 10: 0.4, 15: 0.3}
    reports = [step(number, eval__accuracy=value, rollout__accuracy=0.5) for number, value in curve.items()]
    found = compute_scores(reports, {})
    assert (found["best/accuracy"], found["best/step"]) == (0.4, 5)


def test_start_and_end_alone_have_no_best() -> None:
    reports = [step(number, eval__accuracy=0.5, rollout__accuracy=0.5) for number in (0, 30)]
    assert "best/accuracy" not in compute_scores(reports, {})
