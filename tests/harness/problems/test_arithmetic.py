from __future__ import annotations

import re
from itertools import islice

import pytest

from harness.data.catalog import Problem
from harness.data.synthetic import DIFFICULTIES, LEVELS, Difficulty, build_evaluation_set, stream_problems
from tests.harness.problems.chains import parse

_EVENT = re.compile(r", (finds|buys|gives away|loses) (\d+)")


def _expression(problem: Problem) -> str:
    return problem.problem_id.split(":")[1]


def _work_out(prompt: str) -> int:
    """The answer by another way: from the prompt alone, bare or told as a story."""
    if prompt.endswith("=?"):
        total, *rest = re.split(r"(?=[-+*])", prompt.removesuffix("=?"))
        value = int(total)
        for step in rest:
            value = value * int(step[1:]) if step[0] == "*" else value + int(step)
        return value
    bags = re.search(r"has (\d+) bags of (\d+)", prompt)
    plain = re.search(r"has (\d+) ", prompt)
    assert plain is not None
    value = int(bags[1]) * int(bags[2]) if bags else int(plain[1])
    return value + sum(int(n) if verb in ("finds", "buys") else -int(n) for verb, n in _EVENT.findall(prompt))


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_answers_follow_from_the_prompt_alone(difficulty: Difficulty) -> None:
    for problem in islice(stream_problems([difficulty], seed=3), 2000):
        assert problem.answer == str(_work_out(problem.prompt))


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_evaluation_answers_follow_from_the_prompt_alone(difficulty: Difficulty) -> None:
    for problem in build_evaluation_set(difficulty, 300):
        assert problem.answer == str(_work_out(problem.prompt))


def test_training_never_meets_an_evaluation_expression() -> None:
    kept = {_expression(problem) for difficulty in DIFFICULTIES for problem in build_evaluation_set(difficulty, 1000)}
    trained = {_expression(problem) for problem in islice(stream_problems(DIFFICULTIES, seed=4), 40_000)}
    assert len(trained) > 20_000
    assert not kept & trained


def test_a_story_and_its_bare_expression_fall_on_the_same_side() -> None:
    stories = [
        problem for problem in islice(stream_problems(["easy", "medium"], seed=5), 4000) if "How many" in problem.prompt
    ]
    assert len(stories) > 500
    assert not any(parse(_expression(story)).for_evaluation() for story in stories)


def test_the_same_seed_gives_the_same_stream() -> None:
    first, again, other = (list(islice(stream_problems(DIFFICULTIES, seed), 50)) for seed in (6, 6, 7))
    assert first == again
    assert first != other


def test_streams_do_not_disturb_each_other() -> None:
    alone = list(islice(stream_problems(DIFFICULTIES, 8), 20))
    one, two = stream_problems(DIFFICULTIES, 8), stream_problems(DIFFICULTIES, 9)
    assert [next(one) for _ in range(20) if next(two)] == alone


def test_difficulties_are_drawn_evenly() -> None:
    drawn = [problem.problem_id.split(":")[0] for problem in islice(stream_problems(DIFFICULTIES, 10), 6000)]
    assert all(1800 < drawn.count(difficulty) < 2200 for difficulty in DIFFICULTIES)


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_an_evaluation_set_is_fixed_distinct_and_grows_at_its_end(difficulty: Difficulty) -> None:
    small, large = build_evaluation_set(difficulty, 100), build_evaluation_set(difficulty, 300)
    assert large[:100] == small
    assert len({_expression(problem) for problem in large}) == 300


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_values_and_lengths_stay_within_the_level(difficulty: Difficulty) -> None:
    fewest, most = LEVELS[difficulty].operands
    for problem in islice(stream_problems([difficulty], seed=11), 1000):
        chain = parse(_expression(problem))
        assert fewest <= len(chain.steps) + 1 <= most
        assert all(0 <= value <= 150 for value in chain.running_values())


@pytest.mark.slow  # test_source.py holds the same refusal in the default tier, where a run meets it
def test_a_set_larger_than_the_problems_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="distinct easy evaluation problems exist, 4000 were asked for"):
        build_evaluation_set("easy", 4000)
