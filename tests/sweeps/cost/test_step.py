"""The seconds of a step follow from what it reads and multiplies."""

from dataclasses import replace

import pytest

from sweeps.cost.inputs import BANDWIDTH_SHARE, EXPERTS_SHARE, REST_SHARE, SHAPES, Cluster, Device, Fitted, ModelShape
from sweeps.cost.step_time import (
    StepTime,
    concurrent,
    count_forward_flops,
    count_replica_gpus,
    estimate_step_time,
    generation_seconds,
    log_prob_seconds,
    update_seconds,
)
from sweeps.cost.work import Lengths, Work

# One layer, hidden 10, one head of size 10, gated layers of width 10, 10 words: 400 + 300 + 100 parameters a token.
TINY = ModelShape(1, 10, 1, 1, 10, 10, 10)
DEVICE = Device("toy", peak=1e6, bandwidth=1e6, memory=1e9)
ALONE = Cluster(1, 1, DEVICE)
FREE = Fitted(compute_share=1.0, sequence_seconds=0.0)
ALL_CUT = Work(responses=1, group=1, prompt=0.0, lengths=Lengths(100.0, 100), recompute=False)


def test_a_forward_pass_multiplies_weights_and_half_of_the_attention():
    # 2 * 800 a token, and 2 * layers * width a squared token.
    assert count_forward_flops(TINY, 3, 9) == 2 * 800 * 3 + 2 * 10 * 9


def test_training_takes_three_passes_and_recomputing_a_fourth():
    once = log_prob_seconds(TINY, ALONE, ALL_CUT, FREE)
    assert once == pytest.approx((2 * 800 * 100 + 2 * 10 * 100**2) / 1e6)
    assert update_seconds(TINY, ALONE, ALL_CUT, FREE) == pytest.approx(3 * once)
    assert update_seconds(TINY, ALONE, replace(ALL_CUT, recompute=True), FREE) == pytest.approx(4 * once)
    assert log_prob_seconds(TINY, ALONE, replace(ALL_CUT, reference=True), FREE) == pytest.approx(2 * once)


def test_epochs_train_again_and_updates_share_the_batch():
    many = replace(ALL_CUT, responses=8)
    one = update_seconds(TINY, ALONE, many, FREE)
    assert update_seconds(TINY, ALONE, replace(many, updates=4), FREE) == pytest.approx(one)
    assert update_seconds(TINY, ALONE, replace(many, updates=4, epochs=2), FREE) == pytest.approx(2 * one)


def test_no_gpu_is_done_before_its_longest_response():
    # Eight responses on eight GPUs are one each; sixteen GPUs are no faster.
    many = replace(ALL_CUT, responses=8)
    eight = update_seconds(TINY, Cluster(1, 8, DEVICE), many, FREE)
    assert update_seconds(TINY, Cluster(2, 8, DEVICE), many, FREE) == pytest.approx(eight)
    assert update_seconds(TINY, ALONE, many, FREE) == pytest.approx(8 * eight)


def test_experts_reach_a_smaller_share_of_the_peak():
    dense, mixed = SHAPES["Qwen/Qwen3-4B"], replace(SHAPES["Qwen/Qwen3-4B"], experts=2, chosen=1)
    ratio = log_prob_seconds(mixed, ALONE, ALL_CUT, FREE) / log_prob_seconds(dense, ALONE, ALL_CUT, FREE)
    assert ratio == pytest.approx(1 / EXPERTS_SHARE)


def test_one_sequence_reads_the_weights_once_a_token():
    # 100 tokens; each reads 2 * 800 bytes and a cache of 40 bytes a token, 50 of them on average; plus latency.
    latency = 100 * 1 * 3e-5
    read = 100 * (2 * 800 + 50 * TINY.cache_bytes) / (1e6 * BANDWIDTH_SHARE)
    assert generation_seconds(TINY, ALONE, ALL_CUT, FREE) == pytest.approx(latency + read)


def test_more_sequences_share_the_weights_until_arithmetic_binds():
    slow = Cluster(1, 1, replace(DEVICE, peak=1e3))
    few, many = (generation_seconds(TINY, ALONE, replace(ALL_CUT, responses=n), FREE) for n in (1, 2))
    assert many < 2 * few
    bound = [generation_seconds(TINY, slow, replace(ALL_CUT, responses=n), FREE) for n in (100, 200)]
    assert bound[1] == pytest.approx(2 * bound[0], rel=0.01)


def test_every_running_sequence_costs_its_own_time():
    costly = replace(FREE, sequence_seconds=1.0)
    extra = generation_seconds(TINY, ALONE, ALL_CUT, costly) - generation_seconds(TINY, ALONE, ALL_CUT, FREE)
    assert extra == pytest.approx(100.0)


def test_what_the_cache_does_not_hold_waits():
    # Memory for the weights and two sequences of 100 tokens: four take about twice as long as two.
    memory = (2 * TINY.parameters + 2 * 100 * TINY.cache_bytes) / 0.6
    small = Cluster(1, 1, replace(DEVICE, memory=memory))
    assert concurrent(TINY, small.device, 1, ALL_CUT) == pytest.approx(2)
    two, four = (generation_seconds(TINY, small, replace(ALL_CUT, responses=n), FREE) for n in (2, 4))
    assert four == pytest.approx(2 * two, rel=0.05)


def test_samplers_are_split_as_in_the_published_recipes():
    # NeMo-RL's choice of tensor parallel ranks for these models.
    h100, gb200 = Device("H100", 1, 1, 80e9), Device("GB200", 1, 1, 186e9)
    names = ("meta-llama/Llama-3.1-8B", "Qwen/Qwen3-30B-A3B", "Qwen/Qwen3-32B", "Qwen/Qwen3-235B-A22B")
    assert [count_replica_gpus(SHAPES[name], h100) for name in names] == [1, 2, 4, 16]
    assert [count_replica_gpus(SHAPES[name], gb200) for name in names] == [1, 1, 1, 8]


def test_dynamic_sampling_draws_more_than_it_trains_on():
    plain, twice = (
        estimate_step_time(TINY, ALONE, replace(ALL_CUT, responses=10, drawn=n), fitted=FREE) for n in (1.0, 2.0)
    )
    assert twice.generation > plain.generation
    assert twice.update == plain.update


def test_a_step_is_its_phases_with_a_rest_and_the_handing_over():
    assert StepTime(10.0, 20.0, 30.0, 5.0).seconds == pytest.approx(60 * (1 + REST_SHARE) + 5)
