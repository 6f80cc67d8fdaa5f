from __future__ import annotations

from itertools import islice

import pytest

from harness.common.schema import SchemaError
from harness.config.experiment import load_config
from harness.data.cache import Tier
from harness.data.catalog import TUNING_SHARE, Part, Problem, is_for_tuning, is_in_part
from harness.data.synthetic import DIFFICULTIES, build_evaluation_set, pose_problem, stream_problems
from harness.data.tiers import load_tier
from harness.evaluation.pass_rates import read_pool
from harness.models.load import load_tokenizer
from harness.rollouts.prompts import Prompts
from tests.data_folder import data_folder
from tests.harness.problems.chains import parse

TUNED, ABLATED = "data.part=tuning", "data.part=ablation"


def drawn(count: int, *overrides: str) -> set[str]:
    """What runs ask: tasks and spare ones, without the difficulty and without the form of a story."""
    prompts = Prompts(load_config(*overrides), load_tokenizer("builtin:small_base"))
    tasks = [task for tasks in prompts.training({}) for task in islice(tasks, count)]
    return {task.problem.problem_id.split(":")[1] for task in tasks}


@pytest.mark.parametrize("data", ["arithmetic_easy", "arithmetic_mixed"])
def test_an_ablation_never_draws_what_tuning_draws(data: str) -> None:
    tuned = drawn(1000, f"data={data}", TUNED, "seed=1001")
    ablated = drawn(1000, f"data={data}", ABLATED, "seed=0") | drawn(1000, f"data={data}", ABLATED, "seed=1001")
    assert len(tuned) > 400
    assert len(ablated) > 2000
    assert not tuned & ablated


def test_another_seed_alone_would_not_keep_easy_problems_apart() -> None:
    one, two = (drawn(2000, "data=arithmetic_easy", f"seed={seed}") for seed in (0, 1001))
    assert len(one & two) > 0.1 * len(one)


def test_tuning_and_its_ablation_share_out_all_problems() -> None:
    problems = list(islice(stream_problems(DIFFICULTIES, seed=3), 8000))
    assert all(is_in_part(one, "all") and is_in_part(one, "tuning") != is_in_part(one, "ablation") for one in problems)
    share = sum(map(is_for_tuning, problems)) / len(problems)
    assert 0.9 < share * TUNING_SHARE < 1.1


@pytest.mark.parametrize("part", ["tuning", "ablation"])
def test_neither_part_holds_an_evaluation_problem(part: Part) -> None:
    held_out = {problem.problem_id.split(":")[1] for problem in build_evaluation_set("medium", 300)}
    assert not held_out & drawn(3000, "data=arithmetic_medium", f"data.part={part}")


def test_a_story_falls_on_the_side_of_its_bare_expression() -> None:
    for problem in islice(stream_problems(["easy"], seed=5), 500):
        chain = parse(problem.problem_id.split(":")[1])
        forms = [pose_problem(chain, level, in_words=words) for level in ("easy", "medium") for words in (False, True)]
        assert len({is_for_tuning(form) for form in forms}) == 1


def test_statements_that_differ_in_typography_alone_fall_on_the_same_side() -> None:
    for number in range(64):
        plain = Problem(f"a{number}", f"What is 1/2 of {number}?", "0", "math")
        set_in_tex = Problem(f"b{number}", rf"What  is $\frac{{1}}{{2}}$ of \({number}\)?", "0", "math")
        assert is_for_tuning(plain) == is_for_tuning(set_in_tex)


def test_a_tier_is_shared_out_without_a_rest(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(data_folder()))
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    problems = load_tier("simplerl_zoo", "easy").problems
    parts = {part: {one.problem_id for one in problems if is_in_part(one, part)} for part in ("tuning", "ablation")}
    assert not parts["tuning"] & parts["ablation"]
    assert sum(map(len, parts.values())) == len(problems)
    assert 0.8 < TUNING_SHARE * len(parts["tuning"]) / len(problems) < 1.2


def test_a_tier_without_problems_for_the_part_is_refused() -> None:
    problem = next(one for one in read_pool("arithmetic_easy", 20).problems if not is_for_tuning(one))
    config = load_config("data.source=file", "data.difficulties=[]", "data.path=x.jsonl", TUNED)
    prompts = Prompts(config, load_tokenizer("builtin:small_base"))
    with pytest.raises(SchemaError, match=r"data\.part: none of the 1 problems of x is for tuning"):
        prompts.training({"x": Tier((problem,), read_pool("arithmetic_easy", 1).card)})


def test_a_part_makes_another_cell_and_all_makes_none() -> None:
    ids = [load_config(*overrides).cell_id() for overrides in ((), ("data.part=all",), (TUNED,), (ABLATED,))]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
