from dataclasses import asdict, replace

import pytest

from harness.config.experiment import load_config
from sweeps.cost.work import (
    DECODING_STEP_SECONDS,
    SAMPLED_TOKEN_SECONDS,
    TRAINED_TOKEN_SECONDS,
    UPDATE_SECONDS,
    Lengths,
    Work,
    count_eval_responses,
    count_evaluations,
    estimate_cpu_seconds,
)
from tests.sweeps.records import record


def test_each_benchmark_is_asked_its_own_number_of_times():
    sizes = ("eval.benchmarks=[aime24,aime25,math500]", "+eval.samples_of.aime24=64", "eval.aime25=15")
    config = asdict(load_config(*sizes, "eval.problems=20", "eval.samples=2"))
    assert count_eval_responses(config) == 20 * 64 + 15 * 2 + 20 * 2


def test_all_problems_are_asked_where_no_number_is_given():
    # MATH-500, OlympiadBench's draw, Minerva, 30 + 15 of AIME, AMC, eight samples each
    config = asdict(load_config("model=qwen3_4b", "data=math_easy", "eval=paper"))
    assert count_eval_responses(config) == 8 * (500 + 170 + 272 + 30 + 15 + 40)


def test_arithmetic_is_asked_for_each_difficulty():
    assert count_eval_responses(asdict(load_config())) == 2 * 128 * 8  # medium and hard


def test_runs_from_before_there_were_benchmarks_are_of_arithmetic():
    now = record().config
    kept = {"problems", "samples", "temperature", "every"}
    before = {**now, "eval": {name: value for name, value in now["eval"].items() if name in kept}}
    assert count_eval_responses(before) == count_eval_responses(now)


@pytest.mark.parametrize(("steps", "every", "times"), [(10, 0, 2), (10, 5, 3), (10, 3, 5), (10, 40, 2), (0, 5, 1)])
def test_a_run_evaluates_at_the_start_now_and_then_and_at_the_end(steps, every, times):
    assert count_evaluations(asdict(load_config(f"steps={steps}", f"eval.every={every}"))) == times


def test_a_batch_that_is_drawn_again_is_sampled_more_and_trained_once():
    work = Work(100, 10, 5.0, Lengths(15.0, 50), drawn=1.5)
    assert work.sampled == replace(work, responses=150, drawn=1.0)
    assert work.tokens == 100 * 20


def test_standard_seconds_count_what_is_sampled_trained_updated_and_waited_for():
    # 10 steps of 256 responses of 20 tokens, four updates, two epochs; two evaluations of 2048 answers of 10 tokens.
    config = asdict(load_config("steps=10", "optim.epochs=2"))
    trained = 10 * 256 * 20
    expected = (
        SAMPLED_TOKEN_SECONDS * (1.5 * trained + 2 * 2048 * 10)
        + TRAINED_TOKEN_SECONDS * trained * 2
        + UPDATE_SECONDS * 40
        + DECODING_STEP_SECONDS * (1.5 * 10 * 60 + 2 * 30)  # three mean lengths, below the limit of 64
    )
    assert estimate_cpu_seconds(config, 20.0, 10.0, 1.5) == pytest.approx(expected)


def test_no_place_is_beyond_the_limit():
    config = asdict(load_config("steps=10", "eval.max_response_length=20"))
    with_places = estimate_cpu_seconds(config, 30.0, 20.0)
    rest = (
        SAMPLED_TOKEN_SECONDS * (10 * 256 * 30 + 2 * 2048 * 20)
        + TRAINED_TOKEN_SECONDS * 10 * 256 * 30
        + UPDATE_SECONDS * 40
    )
    assert with_places - rest == pytest.approx(DECODING_STEP_SECONDS * (10 * 64 + 2 * 20))
