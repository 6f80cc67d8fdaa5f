from dataclasses import replace

import pytest

from analysis.claims.claim import AbsentError, find_cell, find_label, find_metric
from tests.analysis.takeaways.samples import study

P8 = study("p8_overlong")


def test_a_length_limit_is_found_by_its_place():
    assert [find_label(P8, "max_length", role) for role in ("shortest", "middle", "longest")] == ["44", "52", "64"]
    gpu = study("p8_overlong", "gpu")
    assert [find_label(gpu, "max_length", role) for role in ("shortest", "middle", "longest")] == ["8k", "16k", "20k"]


def test_two_limits_have_no_middle():
    with pytest.raises(AbsentError, match="p8_overlong has no middle on the axis max_length"):
        find_label(replace(P8, axes={**P8.axes, "max_length": ("44", "64")}), "max_length", "middle")


def test_a_model_is_found_by_its_role_and_not_confused_with_another():
    assert find_label(study("p8_overlong", "gpu"), "model", "large_base") == "qwen3_8b_base"
    with pytest.raises(AbsentError, match="p8_overlong has no large_base on the axis model"):
        find_label(P8, "model", "large_base")


def test_seconds_are_of_the_processor_on_a_laptop_and_of_the_clock_elsewhere():
    assert find_metric(P8, "step seconds") == "mean(seconds/cpu)"
    assert find_metric(study("p8_overlong", "gpu"), "step seconds") == "mean(seconds/step)"
    assert find_metric(P8, "") == "final/accuracy"
    assert find_metric(P8, "final/length") == "final/length"


def test_controls_are_never_taken_for_the_cell_beside_them():
    place = find_cell(P8, {"model": "small_base", "max_length": "longest", "filter": "off"}, ())
    assert P8.cells[place]["control"] == "off"


def test_an_axis_that_is_not_named_has_the_label_of_the_baseline():
    assert P8.cells[find_cell(P8, {"model": "small_base", "max_length": "shortest"}, ())]["filter"] == "off"


def test_several_cells_are_refused():
    with pytest.raises(AbsentError, match="plans several cells with filter = on, model = small_base"):
        find_cell(P8, {"model": "small_base", "filter": "on"}, ())


def test_an_axis_that_a_study_lacks_is_said():
    with pytest.raises(AbsentError, match="p8_overlong has no axis recipe"):
        find_cell(P8, {"recipe": "grpo"}, ())


def test_a_twin_that_did_not_run_gives_way_to_the_one_that_did():
    p1b = study("p1b_reward_scale")
    where = {"model": "small_base", "difficulty": "easy", "norm": "batch"}
    pair = tuple(labels for labels in p1b.cells if where.items() <= labels.items())
    once = replace(p1b, twins=(pair,), because=(("the deviation cancels the scale",),), once=True)
    plus = {**where, "reward_scale": "plus_minus_one"}
    first = find_cell(once, where, ())
    assert find_cell(once, plus, {first}) == first
    assert find_cell(once, plus, {*range(len(once.cells))}) != first  # it ran after all
