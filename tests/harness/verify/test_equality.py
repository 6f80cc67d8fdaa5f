from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.verify.model.equality import holds_everywhere
from harness.verify.model.expressions import Symbol

if TYPE_CHECKING:
    from harness.verify.model.equality import Point


@pytest.mark.parametrize(("defined", "equal"), [(2, False), (3, True)])
def test_expressions_are_equal_only_where_three_points_can_tell(defined: int, equal: bool) -> None:
    asked: list[Point] = []

    def holds(point: Point) -> bool | None:
        asked.append(point)
        return True if len(asked) <= defined else None

    assert holds_everywhere((Symbol("x"),), holds) is equal
