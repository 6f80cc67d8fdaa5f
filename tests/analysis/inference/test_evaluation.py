from math import sqrt

import pandas as pd
import pytest

from analysis.stats.contrasts import Contrast
from analysis.stats.evaluation import (
    EvaluationNoise,
    compute_shares,
    estimate_evaluation_noise,
    make_share_reader,
    seed_errors,
)
from analysis.stats.verdict import compute_verdicts
from harness.tracking.errors import StoreError
from tests.analysis.inference.studies import taken, wide

CONTRAST = Contrast(1, 0, "primary", "final/accuracy")
SE = {"final__accuracy__se": {0: [0.03, 0.03], 1: [0.04, 0.04]}}
FRAME = taken(wide(), {0: [0.5, 0.5], 1: [0.6, 0.6]}, **SE)


def outcomes(problems: dict[str, list[int]], benchmark="math500") -> pd.DataFrame:
    """Problem -> right or wrong, sample by sample."""
    rows = [("final", benchmark, name, right == 1) for name, samples in problems.items() for right in samples]
    return pd.DataFrame([("start", benchmark, "a", False), *rows], columns=["when", "benchmark", "problem_id", "right"])


BASE, ARM = outcomes({"a": [0, 0], "b": [0, 1], "c": [1, 1]}), outcomes({"a": [0, 1], "b": [0, 1], "c": [1, 1]})


def by_arm(baseline=BASE, arm=ARM):
    return lambda run_id: compute_shares(arm if run_id.startswith("c1") else baseline)


def test_a_share_is_that_of_the_final_samples_of_a_problem():
    assert compute_shares(ARM).to_dict() == {("math500", "a"): 0.5, ("math500", "b"): 0.5, ("math500", "c"): 1.0}


def test_paired_by_problem_only_what_differs_is_noise():
    # differences 0.5, 0, 0: deviation 0.2886751, over sqrt(3)
    found = estimate_evaluation_noise(FRAME, CONTRAST, (0, 1), by_arm())
    assert found == EvaluationNoise(pytest.approx(0.2886751 / sqrt(3)), paired=True)


def test_without_outcomes_the_arms_errors_add_up():
    # sqrt(0.03^2 + 0.04^2); two seeds do not make it smaller, for they were asked the same problems
    assert estimate_evaluation_noise(FRAME, CONTRAST, (0, 1)) == EvaluationNoise(pytest.approx(0.05), paired=False)


def test_where_one_run_left_no_outcomes_scores_stand_in():
    def half(run_id):
        return None if run_id == "c1-s1" else compute_shares(ARM)

    assert estimate_evaluation_noise(FRAME, CONTRAST, (0, 1), half) == EvaluationNoise(
        pytest.approx(0.05), paired=False
    )


def test_without_outcomes_and_errors_nothing_is_said():
    assert estimate_evaluation_noise(taken(wide(), {0: [0.5], 1: [0.6]}), CONTRAST, (0,)) is None


def test_a_metric_that_is_no_share_of_right_samples_takes_no_outcomes():
    other = Contrast(1, 0, "primary", "auc/accuracy")
    assert estimate_evaluation_noise(FRAME, other, (0, 1), by_arm()) is None


def test_only_problems_that_both_were_asked_count():
    # without c: differences 0.5 and 0, deviation 0.3535534, over sqrt(2)
    fewer = by_arm(baseline=outcomes({"a": [0, 0], "b": [0, 1], "d": [1, 1]}))
    assert estimate_evaluation_noise(FRAME, CONTRAST, (0, 1), fewer).se == pytest.approx(0.25)


def test_benchmarks_count_the_same_and_one_can_be_chosen():
    both = by_arm(
        pd.concat([BASE, outcomes({"x": [0, 0], "y": [0, 0]}, "aime24")]),
        pd.concat([ARM, outcomes({"x": [1, 1], "y": [0, 0]}, "aime24")]),
    )
    # math500 as above, aime24: differences 1 and 0, deviation 0.7071068, over sqrt(2): 0.5
    assert estimate_evaluation_noise(FRAME, CONTRAST, (0,), both).se == pytest.approx(sqrt(0.2886751**2 / 3 + 0.25) / 2)
    aime = Contrast(1, 0, "primary", "final/aime24/avg@8")
    assert estimate_evaluation_noise(FRAME, aime, (0,), both).se == pytest.approx(0.5)


def test_errors_by_seed_are_those_of_each_pair():
    assert seed_errors(FRAME, CONTRAST, (0, 1), by_arm()) == pytest.approx([0.2886751 / sqrt(3)] * 2)
    assert seed_errors(FRAME, CONTRAST, (0, 1), None) is None


def test_one_problem_has_no_error():
    single = by_arm(outcomes({"a": [0, 1]}), outcomes({"a": [1, 1]}))
    assert seed_errors(FRAME, CONTRAST, (0,), single) is None
    assert estimate_evaluation_noise(FRAME, CONTRAST, (0, 1), single) == EvaluationNoise(
        pytest.approx(0.05), paired=False
    )


def test_outcomes_change_intervals_from_ten_seeds_on_and_nothing_else():
    scores = {0: [0.5] * 10, 1: [0.5, 0.5, 0.51, 0.52, 0.53, 0.54, 0.55, 0.56, 0.6, 0.8]}
    (plain,), (hierarchical,) = (compute_verdicts(wide(), taken(wide(), scores), given) for given in (None, by_arm()))
    assert plain.interval != hierarchical.interval
    assert (plain.p, plain.difference) == (hierarchical.p, hierarchical.difference)
    nine = {cell: values[:9] for cell, values in scores.items()}
    assert compute_verdicts(wide(), taken(wide(), nine), by_arm()) == compute_verdicts(wide(), taken(wide(), nine))


def test_files_are_read_where_they_are(tmp_path):
    folder = tmp_path / "runs" / "norms.c1-s0"
    folder.mkdir(parents=True)
    ARM.to_parquet(folder / "outcomes.parquet", index=False)
    read = make_share_reader(tmp_path, "norms")
    assert read("c1-s0").equals(compute_shares(ARM))
    assert read("c1-s1") is None


def test_a_broken_file_is_refused_with_its_name(tmp_path):
    folder = tmp_path / "runs" / "norms.c1-s0"
    folder.mkdir(parents=True)
    (folder / "outcomes.parquet").write_bytes(b"not parquet")
    with pytest.raises(StoreError, match=r"norms\.c1-s0/outcomes\.parquet has no outcomes"):
        make_share_reader(tmp_path, "norms")("c1-s0")
