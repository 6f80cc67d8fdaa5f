from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from harness.common.resources import ResourceMeter, ResourceUse
from harness.records.outcomes import Evaluation, encode_outcomes
from harness.training.loop import StepReport
from harness.training.session import RunHistory

EVALUATION = Evaluation(
    ("a", "b"),
    right=np.array([[True, False, False], [False, False, True]]),
    truncated=np.array([[False, False, True], [False, False, False]]),
    lengths=np.array([[1, 2, 3], [4, 5, 2**40]]),
    answers=np.array([["1/2", None, ""], [None, None, "é"]], dtype=object),
    reasons=np.array([["equal", "no_box", "empty_box"], ["no_box", "no_box", "equal"]], dtype=object),
)


def trace(*reports: StepReport) -> RunHistory:
    return RunHistory(
        list(reports), {"start": {"gsm8k": EVALUATION}, "step 2": {"gsm8k": EVALUATION, "math500": EVALUATION}}
    )


def loaded(written: RunHistory, folder: Path) -> RunHistory:
    written.save(folder)
    return RunHistory.load(folder)


def test_reports_come_back_to_the_last_bit(tmp_path: Path) -> None:
    report = StepReport(3, {"a": 0.1 + 0.2, "b": math.pi * 1e-300, "c": math.inf, "d": -0.0})
    (found,) = loaded(trace(report), tmp_path).reports
    assert found == report
    assert math.copysign(1, found.metrics["d"]) == -1


def test_a_metric_that_is_no_number_comes_back(tmp_path: Path) -> None:
    (found,) = loaded(trace(StepReport(0, {"a": math.nan})), tmp_path).reports
    assert math.isnan(found.metrics["a"])


def test_evaluations_give_the_same_file(tmp_path: Path) -> None:
    written = trace()
    found = loaded(written, tmp_path)
    assert encode_outcomes(found.moments) == encode_outcomes(written.moments)
    assert found.moments["start"]["gsm8k"].lengths.dtype == np.int64
    assert found.moments["start"]["gsm8k"].right.dtype == np.bool_


def test_what_was_spent_counts_on(tmp_path: Path) -> None:
    written = RunHistory(usage=ResourceMeter(ResourceUse(100.0, 50.0, 1e6)))
    found = loaded(written, tmp_path).usage.spent()
    assert found.wall_seconds >= 100
    assert found.cpu_seconds >= 50
    assert found.peak_memory_mb == 1e6
