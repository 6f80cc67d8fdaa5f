from dataclasses import replace

import pytest

from harness.config.experiment import load_config
from sweeps.cost.work import estimate_cpu_seconds
from sweeps.plan.estimate import REDRAWN, RunSpeed, makespan
from tests.sweeps.records import record

SMALL = "builtin:small_base"


def test_without_records_the_constants_are_used_and_named():
    speed, config = RunSpeed.of([]), load_config("steps=10")
    mean = speed.lengths.mean(record(steps=10).config)
    assert speed.seconds(config) == pytest.approx(estimate_cpu_seconds(record(steps=10).config, mean, mean))
    assert speed.source.startswith("from constants")


def test_recorded_runs_of_a_model_set_its_pace():
    # Twice the seconds are twice the pace; of one and of four times it is the geometric mean.
    once, twice = (RunSpeed.of([record(steps=10, seconds=seconds)]) for seconds in (10.0, 20.0))
    assert twice.paces[SMALL] == pytest.approx(2 * once.paces[SMALL])
    both = RunSpeed.of([record(steps=10, seconds=10.0), record(steps=10, seconds=40.0)])
    assert both.seconds(load_config("steps=10")) == pytest.approx(20.0)
    assert both.source == "from 2 recorded runs"


def test_failed_runs_say_nothing_about_time():
    assert RunSpeed.of([replace(record(), status="failed")]).runs == 0


def test_an_unrecorded_larger_model_is_expected_to_take_longer():
    speed = RunSpeed.of([record(steps=10, seconds=10.0)])
    assert speed.seconds(load_config("steps=10", "model=large_base")) == pytest.approx(17.0)


def test_a_recorded_run_counts_what_it_drew():
    # Three times the prompts of a batch: the same seconds are a faster pace.
    base = record(steps=10, seconds=10.0)
    thrice = replace(base, scores={**base.scores, "train/rollout/prompts": 96.0})
    assert RunSpeed.of([thrice]).paces[SMALL] < RunSpeed.of([base]).paces[SMALL]


def test_dynamic_sampling_is_expected_to_draw_what_recorded_runs_drew_else_a_constant():
    plain, dynamic = load_config("steps=10"), load_config("steps=10", "+tricks.dynamic_sampling={}")
    assert RunSpeed.of([]).drawn(plain) == 1.0
    assert RunSpeed.of([]).drawn(dynamic) == REDRAWN
    seen = replace(record(), scores={"train/rollout/prompts": 64.0})
    assert RunSpeed.of([record(), seen]).drawn(dynamic) == 2.0


def test_runs_that_use_more_cores_take_less_time_on_the_clock():
    speed = RunSpeed.of([])
    alone, both = load_config("steps=10"), load_config("steps=10", "backend.num_cpus=2")
    assert speed.seconds(both) == pytest.approx(speed.seconds(alone) / 2)


def test_memory_is_the_largest_that_was_recorded_and_of_an_embedded_model_known_before():
    seen = RunSpeed.of([replace(record(), peak_memory_mb=size) for size in (500.0, 700.0)])
    assert seen.memory_of(load_config()) == 700e6
    assert RunSpeed.of([]).memory_of(load_config()) == 0.8e9
    assert RunSpeed.of([]).memory_of(load_config("model=qwen3_4b")) is None


def test_the_longest_runs_start_first():
    # 3 on one core, 2 and 2 on the other.
    assert makespan([2.0, 3.0, 2.0], 2) == 4.0
    assert makespan([], 2) == 0.0
