from harness.data.defects import BenchmarkIndex
from harness.data.rows import DataRow
from harness.data.wording import tokenize_statement

LONG = " ".join(f"word{'abcdefghijklmnopqrstuvwxyz'[i]}" for i in range(26))
BENCHMARKS = BenchmarkIndex([DataRow("mine/1", LONG, "1"), DataRow("mine/2", "Compute $7 \\cdot 8$.", "56")])


def found(statement, near=0.7, covered=0.85):
    return BENCHMARKS.overlap(tokenize_statement(statement), near, covered)


def test_the_same_wording_is_found():
    overlap = found("compute \\(7\\cdot8\\)")
    assert overlap is not None
    assert (overlap.benchmark_id, overlap.how, overlap.similarity) == ("mine/2", "same as", 1.0)


def test_one_word_of_many_changed_is_near():
    overlap = found(LONG.replace("wordm", "other"))  # 23 n-grams, 4 of which hold the word
    assert overlap is not None
    assert (overlap.benchmark_id, overlap.how, overlap.similarity) == ("mine/1", "near", round(19 / 23, 3))


def test_below_the_threshold_is_not_near():
    assert found(LONG.replace("wordm", "other"), near=0.83, covered=0.83) is None


def test_a_problem_inside_a_longer_text_is_covered():
    padding = " ".join(f"new{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
    overlap = found(f"{padding} {LONG}")
    assert overlap is not None
    assert (overlap.how, overlap.similarity) == ("covers", 1.0)


def test_a_short_problem_with_other_numbers_is_another():
    assert found("Compute $7 \\cdot 9$.") is None
