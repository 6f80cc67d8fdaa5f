import pytest

from analysis.report.curves import Scale, fit_scale, tick_text


def test_values_lie_between_the_ends_in_proportion_and_never_outside():
    scale = Scale(0.0, 2.0, 100.0, 0.0)  # upwards, as SVG has it
    assert [scale.at(value) for value in (-1.0, 0.0, 0.5, 2.0, 9.0)] == [100.0, 100.0, 75.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("low", "high", "about", "expected"),
    [
        (0.0, 1.0, 5, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (-0.03, 0.11, 3, (0.0, 0.05, 0.1)),  # 0.14 / 3 = 0.047, nearest to 0.05
        (1.0, 30.0, 6, (5.0, 10.0, 15.0, 20.0, 25.0, 30.0)),
    ],
)
def test_ticks_are_round_and_inside(low, high, about, expected):
    assert Scale(low, high, 0.0, 1.0).ticks(about) == expected


def test_equal_values_and_none_at_all_still_have_a_width():
    assert fit_scale([0.5, 0.5], 0.0, 1.0).low < 0.5 < fit_scale([0.5, 0.5], 0.0, 1.0).high
    assert fit_scale([0.0], 0.0, 1.0).low < 0.0
    assert fit_scale([float("nan")], 0.0, 1.0).high > 1.0


def test_a_tick_is_written_in_few_signs():
    assert [tick_text(value) for value in (0.05, 250.0, 1.2e-05, -0.5)] == ["0.05", "250", "1.2e-05", "-0.5"]
