"""Which installed packages add tricks. Reads what pip recorded and imports none of it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

ENTRY_POINT_GROUP: Final = "liteppo.tricks"


def packages() -> dict[str, str]:
    """The package that each foreign trick comes from, with its version."""
    points = entry_points(group=ENTRY_POINT_GROUP)
    return {point.name: f"{point.dist.name} {point.dist.version}" for point in points if point.dist is not None}
