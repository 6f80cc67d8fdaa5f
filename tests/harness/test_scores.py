from __future__ import annotations

from harness.scores import scores
from harness.train import StepReport


def step(number: int, **metrics: float) -> StepReport:
    return StepReport(number, {name.replace("__", "/"): value for name, value in metrics.items()})


def test_what_fired_is_averaged_over_all_steps() -> None:
    fired = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]  # only in the first of eight, long before the last five
    reports = [step(n, rollout__accuracy=0.5, fired__gspo=share) for n, share in enumerate(fired, start=1)]
    found = scores(reports, {})
    assert found["fired/gspo"] == 1 / 8
    assert "train/fired/gspo" not in found


def test_a_trick_that_never_fired_scores_exactly_zero() -> None:
    reports = [step(n, rollout__accuracy=0.5, fired__gspo=0.0) for n in range(1, 4)]
    assert scores(reports, {})["fired/gspo"] == 0


def test_a_skipped_step_counts_where_it_has_numbers() -> None:
    learned, skipped = {"rollout__accuracy": 0.5, "update__loss": 2.0}, {"rollout__accuracy": 0.1}
    found = scores([step(1, **learned), step(2, **skipped)], {})
    assert found["auc/accuracy"] == found["train/rollout/accuracy"] == 0.3
    assert found["train/update/loss"] == 2.0


def test_timings_are_no_scores() -> None:
    found = scores([step(1, rollout__accuracy=0.5, seconds__step=3.0, tokens_per_second=9.0)], {})
    assert set(found) == {"auc/accuracy", "train/rollout/accuracy"}
