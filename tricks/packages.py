"""Installed packages that add tricks. Only the metadata is read; nothing is imported."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

ENTRY_POINT_GROUP: Final = "liteppo.tricks"


def list_packages() -> dict[str, str]:
    """Return the package and version that each foreign trick comes from."""
    points = entry_points(group=ENTRY_POINT_GROUP)
    return {point.name: f"{point.dist.name} {point.dist.version}" for point in points if point.dist is not None}
