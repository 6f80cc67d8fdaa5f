from dataclasses import asdict, replace

import pytest

from harness.config import load
from sweeps.estimate import TOKENS_PER_SECOND, Speed, makespan, most_drawn, tokens
from tests.sweeps.records import record


def test_tokens_are_those_trained_on_and_a_share_of_those_evaluated():
    config = record(steps=10, model="builtin:small_base").config
    # 10 steps of 32 x 8 samples, and two evaluations of 2 difficulties x 128 problems x 8 samples at 0.4 each.
    assert tokens(config) == (10 * 256 + 0.4 * 2 * 2048) * 64


def test_every_round_of_dynamic_sampling_is_expected_to_draw_a_whole_batch():
    plain, dynamic = load("steps=10"), load("steps=10", "+tricks.dynamic_sampling={rounds: 3}")
    assert most_drawn(plain) == 1
    # Three more batches in each of 10 steps, sampled and not trained on: 0.4 of a token each.
    extra = tokens(asdict(dynamic), most_drawn(dynamic)) - tokens(asdict(plain))
    assert extra == pytest.approx(0.4 * 3 * 10 * 256 * 64)


def test_a_recorded_run_counts_what_it_drew():
    base = record(steps=10, seconds=10.0)
    slow = replace(base, scores={"train/rollout/prompts": 96.0})  # three times the 32 prompts of a batch
    assert Speed.of([slow]).by_model["builtin:small_base"] == pytest.approx(10.0 / tokens(base.config, 3.0))


def test_without_records_a_constant_is_used_and_named():
    speed, config = Speed.of([]), load("steps=10")
    assert speed.seconds(config) == pytest.approx(tokens(record(steps=10).config) / TOKENS_PER_SECOND)
    assert speed.source.startswith("from a constant")


def test_recorded_runs_of_a_model_set_its_pace():
    speed = Speed.of([record(steps=10, seconds=10.0), record(steps=10, seconds=20.0)])
    assert speed.seconds(load("steps=10")) == pytest.approx(15.0)
    assert speed.source == "from 2 recorded runs"


def test_failed_runs_say_nothing_about_time():
    assert Speed.of([replace(record(), status="failed")]).runs == 0


def test_an_unrecorded_larger_model_is_expected_to_take_longer():
    speed = Speed.of([record(steps=10, seconds=10.0)])
    assert speed.seconds(load("steps=10", "model=large_base")) == pytest.approx(20.0)


def test_the_longest_runs_start_first():
    # 3 on one core, 2 and 2 on the other.
    assert makespan([2.0, 3.0, 2.0], 2) == 4.0
    assert makespan([], 2) == 0.0


def test_each_benchmark_is_asked_its_own_number_of_times():
    sizes = ("eval.benchmarks=[aime24,aime25,math500]", "+eval.samples_of.aime24=64", "eval.aime25=15")
    config = asdict(load("steps=0", *sizes, "eval.problems=20", "eval.samples=2", "eval.max_response_length=100"))
    # Two evaluations of 20 x 64, 15 x 2 and 20 x 2 responses of at most 100 tokens.
    assert tokens(config) == pytest.approx(0.4 * 2 * (20 * 64 + 15 * 2 + 20 * 2) * 100)


def test_runs_from_before_there_were_benchmarks_are_of_arithmetic():
    now = record(steps=10).config
    kept = {"problems", "samples", "temperature", "every"}
    before = {**now, "eval": {name: value for name, value in now["eval"].items() if name in kept}}
    assert tokens(before) == tokens(now)
