"""The memory model of weights, gradients and moments; ``tests/parity`` compares it with DeepSpeed's ranks."""

import pytest

from harness.config.engines import DeepspeedConfig
from harness.config.experiment import load_config
from harness.engines.deepspeed.settings import build_training_settings
from sweeps.cost.setup import BUCKET, count_assumed_bytes, count_process_bytes, count_rank_bytes

SMALL, LARGE = 1_000_000, 8_000_000_000


def states(dtype="bfloat16", stage=3, ranks=8, offload=False, parameters=LARGE):
    return count_rank_bytes(DeepspeedConfig(ranks=ranks, zero_stage=stage, dtype=dtype, offload=offload), parameters)


@pytest.mark.parametrize("stage", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_no_rank_holds_less_than_the_paper_counts(dtype, stage):
    # arXiv:1910.02054, section 3.1, in mixed precision; in float32 weights and gradients are of 4 bytes, moments of 8.
    paper = {
        "bfloat16": {1: 4 + 12 / 8, 2: 2 + 14 / 8, 3: 16 / 8},
        "float32": {1: 8 + 8 / 8, 2: 4 + 12 / 8, 3: 16 / 8},
    }
    found = states(dtype, stage)
    assert found.updating >= LARGE * paper[dtype][stage]
    assert found.updating >= found.resting


def test_a_higher_stage_and_more_ranks_take_less():
    held = [states(stage=stage).updating for stage in (1, 2, 3)]
    assert held == sorted(held, reverse=True)
    assert states(ranks=16).updating < states().updating
    assert states(stage=1, dtype="bfloat16").updating < states(stage=0, dtype="float32").updating


@pytest.mark.parametrize("stage", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_offload_leaves_weights_and_no_moments(dtype, stage):
    size, bucket = {"bfloat16": 2, "float32": 4}[dtype], {"bfloat16": 2, "float32": 4}[dtype] * BUCKET
    found = states(dtype, stage, offload=True)
    weights = LARGE * size / (8 if stage == 3 else 1)
    assert weights + bucket <= found.updating <= states(dtype, stage).updating - LARGE * 8 / 8
    assert found.stepping == 0


def test_the_bucket_is_the_one_that_deepspeed_is_told():
    told = build_training_settings(load_config("backend=gpu"), LARGE, 4096)["zero_optimization"]
    assert told["reduce_bucket_size"] == BUCKET
    bucket = states().updating - states(parameters=2 * LARGE).updating / 2  # half of it is missing there
    assert bucket == 2 * BUCKET / 2
    assert states(parameters=SMALL).updating == 18 * SMALL / 8 + 2 * SMALL


def test_a_learner_of_one_process_has_float32_copies_of_half_weights():
    assert count_process_bytes("bfloat16", 100).updating == 100 * (2 + 4 + 4 + 8)
    assert count_process_bytes("float32", 100).updating == 100 * 16


def test_without_engines_it_is_the_papers_third_stage():
    assert count_assumed_bytes(100, 8).updating == count_assumed_bytes(100, 8).resting == 16 * 100 / 8
