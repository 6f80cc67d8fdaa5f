import pytest

from harness.data.benchmarks import BENCHMARKS, load_benchmark
from harness.data.catalog import DataError
from tests.harness.data.folders import row, rows


def ids(problems):
    return [problem.problem_id for problem in problems]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_is_read_in_file_order(use_folder, name):
    use_folder()
    found = load_benchmark(name)
    assert ids(found) == [f"{name}/{number}" for number in range(4)]
    assert found[1].answer == "3"
    assert {problem.verifier for problem in found} == {"math"}


def test_aime25_has_fifteen_or_thirty(use_folder):
    use_folder(aime25=rows("aime25", 30))
    assert ids(load_benchmark("aime25", aime25=15)) == [f"aime25/{number}" for number in range(15)]
    assert len(load_benchmark("aime25")) == 30
    with pytest.raises(DataError, match="aime25=20: it has 15 or 30 problems"):
        load_benchmark("aime25", aime25=20)


def test_a_draw_of_olympiadbench_is_fixed_and_in_file_order(use_folder):
    use_folder(olympiadbench=rows("olympiadbench", 300))
    drawn = ids(load_benchmark("olympiadbench", olympiadbench=170))
    assert len(drawn) == 170
    assert drawn == ids(load_benchmark("olympiadbench", olympiadbench=170))
    assert drawn == [row_id for row_id in ids(load_benchmark("olympiadbench")) if row_id in set(drawn)]


def test_a_limit_draws_what_a_smaller_limit_draws_and_more(use_folder):
    use_folder(math500=rows("math500", 50))
    five, ten = ids(load_benchmark("math500", limit=5)), ids(load_benchmark("math500", limit=10))
    assert (len(five), len(ten)) == (5, 10)
    assert set(five) < set(ten)
    assert len(load_benchmark("math500", limit=60)) == 50
    with pytest.raises(DataError, match="at least one problem"):
        load_benchmark("math500", limit=0)


def test_the_tolerance_of_a_benchmark_goes_with_its_problem(use_folder):
    use_folder(olympiadbench=[row("olympiadbench", 1, tolerance="1e-1", unit="m"), row("olympiadbench", 2)])
    assert [problem.tolerance for problem in load_benchmark("olympiadbench")] == [0.1, None]


def test_repeated_ids_are_refused(use_folder):
    use_folder(amc23=[row("amc23", 1), row("amc23", 2), {**row("amc23", 3), "id": "amc23/1"}])
    with pytest.raises(DataError, match=r"amc23\.jsonl:3: id 'amc23/1' is already used by .*amc23\.jsonl:1"):
        load_benchmark("amc23")


@pytest.mark.parametrize("answer", ["", "\\frac{1}{"])
def test_an_answer_that_does_not_parse_is_refused(use_folder, answer):
    use_folder(math500=[row("math500", 1), row("math500", 2, answer=answer)])
    with pytest.raises(DataError, match=r"math500\.jsonl:2: field 'answer' cannot be read: .*; correct"):
        load_benchmark("math500")


def test_an_unknown_benchmark_is_refused():
    with pytest.raises(DataError, match="no benchmark math50; did you mean 'math500'"):
        load_benchmark("math50")
