from __future__ import annotations

import random
import re

import pytest

from harness.data.synthetic import Difficulty, apply_operator
from tests.harness.problems.chains import parse
from tools.embedded_models.corpus import Mix, Style, write_text
from tools.embedded_models.recipe import RECIPES, STAGES

_STEP = re.compile(r"(\d+)([-+*])(\d+)=(\d+);")
_LEVELS: tuple[tuple[Difficulty, float], ...] = (("medium", 1.0),)


def _texts(style: Style, count: int) -> list[tuple[str, str]]:
    """Expressions and responses of bare problems in base form."""
    mix, rng = Mix(_LEVELS, ((style, 1.0),), chat_share=0.0), random.Random(1)
    texts = (write_text(mix, rng) for _ in range(count))
    return [
        (text.opening.removeprefix("<bos>").removesuffix("=?\n"), text.response)
        for text in texts
        if text.opening.endswith("=?\n")
    ]


def _boxed(response: str) -> int | None:
    found = re.search(r"\\boxed\{(\d+)\}<eos>$", response)
    return int(found[1]) if found else None


@pytest.mark.parametrize("style", ["clean", "corrected"])
def test_worked_texts_end_in_the_right_answer(style: Style) -> None:
    for expression, response in _texts(style, 300):
        assert _boxed(response) == parse(expression).value


def test_every_step_of_a_clean_text_is_right() -> None:
    for expression, response in _texts("clean", 300):
        chain = parse(expression)
        steps = _STEP.findall(response)
        assert [int(result) for *_, result in steps] == list(chain.running_values()[1:])
        assert all(apply_operator(sign, int(left), int(right)) == int(result) for left, sign, right, result in steps)


def test_corrected_texts_take_a_wrong_step_back() -> None:
    wrong = [
        apply_operator(sign, int(left), int(right)) == int(result)
        for _, response in _texts("corrected", 300)
        for left, sign, right, result in _STEP.findall(response.partition("wait;")[0])[-1:]
        if "wait;" in response
    ]
    assert len(wrong) > 50
    assert not any(wrong)


def test_sloppy_texts_and_guesses_are_mostly_wrong() -> None:
    for style in ("sloppy", "guess"):
        right = [_boxed(response) == parse(expression).value for expression, response in _texts(style, 400)]
        assert 0.1 < sum(right) / len(right) < 0.5


def test_unboxed_texts_end_without_a_box() -> None:
    assert all(response.endswith(";<eos>") and "boxed" not in response for _, response in _texts("unboxed", 50))


def test_most_rambles_are_still_going_after_four_passes() -> None:
    going = [
        len(_STEP.findall(response)) >= 4 * len(parse(expression).steps)
        for expression, response in _texts("ramble", 400)
    ]
    assert sum(going) / len(going) > 0.5


def test_texts_are_about_training_problems_only() -> None:
    for style in ("clean", "ramble"):
        assert not any(parse(expression).for_evaluation() for expression, _ in _texts(style, 1000))


def test_the_weights_of_every_mix_add_up_to_one() -> None:
    for recipe in RECIPES.values():
        for stage in STAGES:
            mix = recipe[stage].mix
            assert sum(weight for _, weight in mix.styles) == pytest.approx(1.0)
            assert sum(weight for _, weight in mix.difficulties) == pytest.approx(1.0)
