"""Values that no training can have: one sentence names the option, and nothing ends in a traceback."""

from __future__ import annotations

import math
from typing import Any, Final

import pytest

from tests.tricks.frameworks.tables import Option
from tricks.frameworks import explain_options, find_framework, report_lines, to_dict, to_json
from tricks.frameworks.registry import FRAMEWORKS

WRONG: Final[tuple[Any, ...]] = ("abc", [1, 2], [], -3, 0, 2.5, None, math.nan, math.inf, 10**30, True, {"a": 1})


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_any_value_of_any_option_is_explained(name: str) -> None:
    framework = find_framework(name)
    read = explain_options(framework, "", ())
    for option in sorted(read.in_rule | read.in_loop):
        for value in WRONG:
            explanation = explain_options(framework, "", [Option(option, value)])
            assert list(report_lines(explanation, "title"))
            assert to_json(to_dict(explanation))


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("trl", "num_generations", 8.5),
        ("trl", "num_generations", "abc"),
        ("trl", "temperature", math.nan),
        ("trl", "max_completion_length", "abc"),
        ("trl", "max_completion_length", math.inf),
        ("trl", "epsilon", "abc"),
        ("verl", "data.max_response_length", "abc"),
        ("verl", "actor_rollout_ref.rollout.top_p", [1, 2]),
        ("verl", "actor_rollout_ref.actor.optim.lr_warmup_steps", "abc"),
        ("areal", "actor.reward_clip", "abc"),
        ("roll", "advantage_clip", "abc"),
    ],
)
def test_a_wrong_value_is_a_problem_that_names_the_option(name: str, option: str, value: object) -> None:
    explanation = explain_options(find_framework(name), "", [Option(option, value)])
    assert [sentence for sentence in explanation.problems if f"{option}={value!r}" in sentence]
    assert not explanation.whole


def test_a_value_that_is_left_out_is_no_setting_of_the_loop() -> None:
    explanation = explain_options(find_framework("verl"), "", [Option("data.max_response_length", "abc")])
    assert "max_response_length" not in explanation.loop


@pytest.mark.parametrize(("name", "option"), [("trl", "top_k"), ("verl", "actor_rollout_ref.rollout.top_k")])
def test_no_limit_of_the_sampler_is_no_problem(name: str, option: str) -> None:
    explanation = explain_options(find_framework(name), "", [Option(option, -1)])
    assert not [sentence for sentence in explanation.problems if option in sentence]
    assert explanation.loop["top_k"] == 0


def test_a_group_of_no_response_is_a_problem() -> None:
    explanation = explain_options(find_framework("trl"), "", [Option("num_generations", 0)])
    assert "group_size=0" in " ".join(explanation.problems)


def test_zero_for_a_count_that_the_framework_ignores_is_no_problem() -> None:
    problems = explain_options(find_framework("verl"), "", [Option("data.train_batch_size", 0)]).problems
    assert "train_batch_size" not in " ".join(problems)


def test_a_number_in_quotes_is_said_to_be_text() -> None:
    found = explain_options(find_framework("trl"), "", [Option("beta", "0.04")])
    assert any("write beta as a number, without quotes" in problem for problem in found.problems)
