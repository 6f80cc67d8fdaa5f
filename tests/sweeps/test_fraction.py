from itertools import product

from sweeps.grid.file import is_in_fraction

AXES = {axis: {"low": (), "high": ()} for axis in "abc"}


def test_a_cell_belongs_where_the_signs_of_each_word_multiply_to_plus_one():
    points = [dict(zip("abc", labels, strict=True)) for labels in product(("low", "high"), repeat=3)]
    half = [
        "".join(label[0] for label in point.values())
        for point in points
        if is_in_fraction(point, AXES, [("a", "b", "c")])
    ]
    assert half == ["llh", "lhl", "hll", "hhh"]
    assert [point for point in points if is_in_fraction(point, AXES, [("a", "b")])] == [
        point for point in points if point["a"] == point["b"]
    ]
    assert all(is_in_fraction(point, AXES, []) for point in points)
