import numpy as np
import pytest

from analysis.paper.panels import share_by_correct
from harness.records.outcomes import Evaluation, encode_outcomes
from harness.tracking.errors import StoreError
from tests.analysis.paper.samples import source
from tests.analysis.paper.test_tables import notes, pick, rows
from tests.analysis.takeaways.samples import record, study

P0 = study("p0_difficulty")
AT = {"model": "small_base", "difficulty": "easy"}
# Four prompts with two samples each: none, one, two and two of them right. Two prompts have the same id.
RIGHT = np.array([[False, False], [False, True], [True, True], [True, True]])


def evaluation(right):
    count = len(right)
    return Evaluation(
        problem_ids=tuple(f"p{place // 2}" for place in range(count)),
        right=right,
        truncated=np.zeros_like(right),
        lengths=np.full(right.shape, 9),
        answers=np.full(right.shape, "1", dtype=object),
        reasons=np.full(right.shape, "same_number", dtype=object),
    )


def made(folder, benchmark="arithmetic", content=None):
    run = record(P0, AT, 0)
    place = folder / f"{P0.name}.{run.run_id}"
    place.mkdir()
    file = encode_outcomes({"start": {benchmark: evaluation(RIGHT)}, "final": {benchmark: evaluation(~RIGHT)}})
    (place / "outcomes.parquet").write_bytes(file if content is None else content)
    return source(P0, [run], folder=folder)


def cell(found):
    return next(place for place, labels in enumerate(found.study.cells) if AT.items() <= labels.items())


def test_prompts_are_counted_by_right_samples_before_training(tmp_path):
    found = made(tmp_path)
    shares = share_by_correct(found, cell(found))
    assert [share.mean for share in shares] == [0.25, 0.25, 0.5]
    assert {share.n for share in shares} == {4}


def test_the_table_says_that_the_interval_is_over_prompts(tmp_path):
    # 0, 0, 1, 1: deviation 0.577, half-width 3.182 * 0.577 / 2 = 0.92.
    found = made(tmp_path)
    row = pick(rows("fig02", found), **AT)
    assert row["0 of 2"].endswith("(4)")
    assert row["2 of 2"] == "0.50 ± 0.92 (4)" or row["2 of 2"] == "0.50 ± 0.92"
    assert "over prompts" in notes("fig02", found)
    assert "over training seeds" not in notes("fig02", found)


def test_benchmarks_are_no_tier(tmp_path):
    found = made(tmp_path, benchmark="math500")
    assert share_by_correct(found, cell(found)) == ()
    assert pick(rows("fig02", found), **AT)["0 of 8"] == "— no outcomes here"
    assert "`make difficulty` asks a model the tiers" in notes("fig02", found)


def test_a_broken_file_is_named(tmp_path):
    found = made(tmp_path, content=b"no parquet")
    with pytest.raises(StoreError, match=r"outcomes\.parquet cannot be read"):
        share_by_correct(found, cell(found))
