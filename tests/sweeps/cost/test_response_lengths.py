from dataclasses import asdict, replace
from math import exp

import pytest

from harness.config.experiment import load_config
from harness.records.record import CONTROL_AXIS
from sweeps.cost.work import (
    ALIGNED_TOKENS,
    BASE_TOKENS,
    CLEAN,
    EARLY,
    ResponseLengths,
    assume_length,
    is_base,
    read_recorded_length,
)
from tests.sweeps.records import record

NONE = ResponseLengths({})
PAPER = ("rollout=8k", "eval=paper", "data=math_easy")


def config(*overrides):
    return asdict(load_config(*overrides))


def run(mean, *overrides, **changes):
    """A finished run of ten steps whose responses had this mean length."""
    settings = config("steps=10", *overrides)
    responses = 10 * settings["rollout"]["prompts_per_batch"] * settings["rollout"]["group_size"]
    return replace(record(), config=settings, scores={"cost/tokens": mean * responses}, **changes)


def test_base_models_end_at_a_constant_rate_and_aligned_ones_later():
    assert NONE.mean(config("model=qwen3_4b_base", *PAPER)) == pytest.approx(BASE_TOKENS * (1 - exp(-8192 / 1500)))
    assert NONE.mean(config("model=qwen3_4b", *PAPER)) == pytest.approx(ALIGNED_TOKENS * (1 - exp(-8192 / 5000)))


def test_the_assumptions_are_within_what_the_paper_shows():
    # Figures 3 and 13: base models 1,000 to 2,000 tokens under 8k, aligned ones 2,000 to 6,000.
    assert 1000 < NONE.mean(config("model=qwen3_8b_base", *PAPER)) < 2000
    assert 2000 < NONE.mean(config("model=qwen3_8b", *PAPER)) < 6000


@pytest.mark.parametrize(
    ("model", "base"),
    [("qwen3_4b_base", True), ("qwen3_4b", False), ("llama3_8b", True), ("small_base", True), ("small_aligned", False)],
)
def test_a_model_is_a_base_by_its_name_or_by_how_it_is_asked(model, base):
    assert is_base(config(f"model={model}")) == base


def test_embedded_models_come_down_to_the_length_of_a_right_answer():
    long = assume_length(config("data=arithmetic_easy", "steps=1000"))
    short = assume_length(config("data=arithmetic_easy", "steps=1"))
    assert long == pytest.approx(CLEAN["easy"], abs=0.1)
    assert CLEAN["easy"] + 5 < short < EARLY["easy"]
    assert assume_length(config("model=small_aligned", "data=arithmetic_easy", "steps=1")) == pytest.approx(17, abs=0.1)


def test_difficulties_are_drawn_evenly():
    both = assume_length(config("model=small_aligned"))
    apart = [assume_length(config("model=small_aligned", f"data=arithmetic_{each}")) for each in ("medium", "hard")]
    assert both == pytest.approx(sum(apart) / 2)


def test_a_tight_limit_cuts_what_is_longer():
    cut = assume_length(config("model=small_aligned", "data=arithmetic_medium", "rollout.max_response_length=28"))
    assert cut == pytest.approx(24.2, abs=0.3)  # 24.3 were recorded of the small base model
    assert assume_length(config("rollout.max_response_length=4")) <= 4


def test_the_mean_of_a_run_is_over_all_that_it_sampled():
    assert read_recorded_length(run(30.0)) == pytest.approx(30.0)
    # twice the prompts of a batch were drawn, so that the same tokens were shorter responses
    drawn = replace(run(30.0), scores={**run(30.0).scores, "train/rollout/prompts": 64.0})
    assert read_recorded_length(drawn) == pytest.approx(15.0)
    assert read_recorded_length(replace(record(), scores={"train/response/length": 21.0})) == 21.0
    assert read_recorded_length(replace(record(), scores={})) is None


def test_recorded_lengths_take_the_place_of_assumptions():
    lengths = ResponseLengths.of([run(40.0), run(50.0), run(60.0)])
    assert lengths.mean(config("steps=10")) == pytest.approx(50.0)
    assert lengths.known(config("steps=10"))


def test_runs_that_are_more_alike_say_more():
    medium, hard = "data=arithmetic_medium", "data=arithmetic_hard"
    lengths = ResponseLengths.of([run(20.0, medium), run(60.0, hard)])
    assert lengths.mean(config("steps=10", medium)) == pytest.approx(20.0)
    # of other problems the model alone is known: the same factor over the assumption
    factor = (20 / assume_length(config("steps=10", medium)) + 60 / assume_length(config("steps=10", hard))) / 2
    easy = config("steps=10", "data=arithmetic_easy")
    assert lengths.mean(easy) == pytest.approx(factor * assume_length(easy))


def test_no_mean_is_beyond_the_limit():
    lengths = ResponseLengths.of([run(60.0)])
    assert lengths.mean(config("steps=10", "rollout.max_response_length=8")) == 8.0


def test_failed_runs_and_controls_say_nothing():
    lengths = ResponseLengths.of([run(60.0, status="failed"), run(60.0, labels={CONTROL_AXIS: "lr_too_high"})])
    assert lengths.factors == {}
    assert ResponseLengths.of([run(60.0, labels={CONTROL_AXIS: "off"})]).factors
