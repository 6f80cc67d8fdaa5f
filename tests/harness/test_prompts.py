from __future__ import annotations

from itertools import islice

import pytest

from harness.common.schema import SchemaError
from harness.common.seeds import derive_seed
from harness.config.experiment import ExperimentConfig, load_config
from harness.data.cache import Tier
from harness.data.catalog import Problem
from harness.data.synthetic import stream_problems
from harness.engines.base.protocols import Decoding
from harness.evaluation.pass_rates import read_pool
from harness.models.load import load_tokenizer
from harness.rollouts.prompts import Prompts, build_evaluation_decoding, build_training_decoding

SHORT, LONG = Problem("short", "2+3=?", "5"), Problem("long", "2+3+4+5=?", "14")
TIERS = {"ours": Tier((SHORT, LONG), read_pool("arithmetic_easy", 1).card)}
OF_A_FILE = ("data.source=file", "data.difficulties=[]", "data.path=x.jsonl")


def prompts(*overrides: str) -> Prompts:
    return Prompts(load_config(*overrides), load_tokenizer("builtin:small_base"))


def test_arithmetic_is_trained_on_in_the_order_of_its_stream() -> None:
    tasks, spares = prompts("seed=5").training({})
    for found, purpose in ((tasks, "problems"), (spares, "spare problems")):
        wanted = stream_problems(("medium", "hard"), derive_seed(5, purpose))
        assert [task.problem for task in islice(found, 20)] == list(islice(wanted, 20))


def test_long_prompts_of_a_tier_are_dropped_and_counted_before_the_first_step() -> None:
    asked = prompts(*OF_A_FILE, "rollout.max_prompt_length=8")
    tasks, spares = asked.training(TIERS)
    assert asked.too_long == 1
    assert {task.problem.problem_id for task in (*islice(tasks, 5), *islice(spares, 5))} == {"short"}


def test_long_prompts_of_arithmetic_are_dropped_and_counted_as_they_come() -> None:
    asked = prompts("data=arithmetic_easy", "rollout.max_prompt_length=9")
    tasks, _ = asked.training({})
    found = list(islice(tasks, 20))
    assert all(len(task.prompt_ids) <= 9 for task in found)
    assert asked.too_long > 0


@pytest.mark.parametrize(("overrides", "tiers"), [((), {}), (OF_A_FILE, TIERS)])
def test_a_limit_that_leaves_no_prompt_is_refused(overrides: tuple[str, ...], tiers: dict[str, Tier]) -> None:
    with pytest.raises(SchemaError, match=r"rollout\.max_prompt_length: .* longer; allow more tokens"):
        next(prompts(*overrides, "rollout.max_prompt_length=2").training(tiers)[0])


def test_a_form_that_the_tokenizer_does_not_have_is_refused_at_once() -> None:
    with pytest.raises(SchemaError, match=r"model\.thinking"):
        prompts("model.thinking=true")


def test_what_the_tokenizer_cannot_spell_is_measured() -> None:
    asked = prompts()
    exams = asked.eval_sets({"arithmetic": [SHORT], "aime24": [Problem("x", "√√", "1", "math")]})
    assert [len(exam.tasks[0].prompt_ids) for exam in exams] == [7, 4]  # a start, the question, a new line
    assert asked.unknown(exams) == 2 / 11
    assert asked.unknown(exams[:1]) == 0


def decodings(*overrides: str) -> tuple[Decoding, Decoding]:
    config: ExperimentConfig = load_config(*overrides)
    return build_evaluation_decoding(config, "aime24"), build_evaluation_decoding(config, "math500")


def test_each_benchmark_has_its_own_k_and_all_the_evaluations_sampling() -> None:
    small, large = decodings("eval=rigorous")
    assert (small.group_size, large.group_size) == (64, 8)
    assert (large.temperature, large.top_p, large.top_k, large.max_response_length) == (0.6, 0.95, 0, 16384)


def test_without_a_length_of_its_own_an_evaluation_has_that_of_the_rollouts() -> None:
    assert decodings("rollout.max_response_length=33")[0].max_response_length == 33


def test_rollouts_are_sampled_as_configured() -> None:
    config = load_config("rollout.temperature=0.9", "rollout.top_p=0.8", "rollout.top_k=7", "rollout.group_size=3")
    assert build_training_decoding(config) == Decoding(3, 64, 0.9, 0.8, 7)
