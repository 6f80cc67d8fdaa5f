from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd

from harness.records.outcomes import TOO_LONG, Evaluation, encode_outcomes, join_evaluations

RIGHT = np.array([[True, False, False, False], [False] * 4, [True] * 4])
ANSWERS = np.array([["1", "2", None, "2"], [None] * 4, ["3"] * 4], dtype=object)
REASONS = np.array(
    [["same_number", "different", "no_box", "deadline"], ["memory"] * 4, ["equal"] * 4],
    dtype=object,
)
EVALUATION = Evaluation(("a", "b", "c"), RIGHT, ~RIGHT, np.arange(12).reshape(3, 4), ANSWERS, REASONS)


def read(document: bytes) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(document))


def test_every_outcome_is_kept() -> None:
    rows = read(encode_outcomes({"start": {"aime24": EVALUATION}, "final": {"aime24": EVALUATION}}))
    assert list(rows)[:4] == ["when", "benchmark", "problem_id", "sample"]
    assert len(rows) == 24
    final = rows[rows.when == "final"]
    assert final.groupby("problem_id").right.sum().to_dict() == {"a": 1, "b": 0, "c": 4}
    assert final[final.problem_id == "a"]["sample"].tolist() == [0, 1, 2, 3]


def test_outcomes_are_read_back_as_they_were() -> None:
    again = Evaluation.of(read(encode_outcomes({"": {"amc23": EVALUATION}})))
    assert again.problem_ids == EVALUATION.problem_ids
    for name in ("right", "truncated", "lengths", "answers", "reasons"):
        assert getattr(again, name).tolist() == getattr(EVALUATION, name).tolist()


def test_parts_join_problem_by_problem() -> None:
    whole = join_evaluations([EVALUATION, EVALUATION])
    assert whole.problem_ids == ("a", "b", "c") * 2
    assert whole.answers[3].tolist() == ["1", "2", None, "2"]


def test_parts_join_as_their_tables_do() -> None:
    scored = replace(EVALUATION, scores=RIGHT / 2)
    empty = Evaluation((), *(array[:0] for array in (RIGHT, RIGHT, RIGHT.astype(int), ANSWERS, REASONS)))
    for parts in ([EVALUATION, EVALUATION], [scored, empty, scored], [scored, EVALUATION]):
        joined = join_evaluations(parts)
        tables = Evaluation.of(pd.concat([part.frame() for part in parts if part.problem_ids], ignore_index=True))
        assert joined.problem_ids == tables.problem_ids
        assert (joined.scores is None) == (tables.scores is None)
        for name in ("right", "truncated", "lengths", "answers", "reasons", "scores"):
            one, other = getattr(joined, name), getattr(tables, name)
            assert one is other is None or (one.dtype == other.dtype and one.tolist() == other.tolist())


def test_a_limit_is_told_from_a_wrong_answer() -> None:
    assert EVALUATION.undecided.sum(axis=1).tolist() == [1, 4, 0]


def test_a_problem_that_was_never_asked_is_known_by_its_reason() -> None:
    reasons = REASONS.copy()
    reasons[1] = TOO_LONG
    never = Evaluation(EVALUATION.problem_ids, RIGHT, RIGHT, RIGHT.astype(int), ANSWERS, reasons)
    assert never.asked.tolist() == [True, False, True]
