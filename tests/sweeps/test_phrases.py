import pytest

from harness.common.text import format_cell_count, format_duration, format_gpu_hours, format_short_duration


@pytest.mark.parametrize(
    ("seconds", "said", "column"),
    [
        (40, "40 s", "40s"),
        (720, "12 min", "12m"),
        (12_240, "3.4 h", "3.4h"),
        (259_199, "72.0 h", "72.0h"),
        (449_280, "5.2 days", "5.2d"),
        (86_400_000, "1,000.0 days", "1,000.0d"),
    ],
)
def test_seconds_are_said_in_the_unit_that_people_use(seconds, said, column):
    assert format_duration(seconds) == said
    assert format_short_duration(seconds) == column


def test_gpu_hours_have_a_digit_where_it_matters():
    assert format_gpu_hours(5040) == "1.4 GPU-hours"
    assert format_gpu_hours(1234 * 3600) == "1,234 GPU-hours"


def test_one_cell_is_not_cells():
    assert (format_cell_count([1]), format_cell_count([1, 2])) == ("1 cell", "2 cells")
