"""Hide the packages named in HIDDEN_PACKAGES, as if they were not installed.

Python runs this file at the start of every process that has its folder on PYTHONPATH, Ray's workers included.
"""

import os
import sys
from importlib.machinery import PathFinder

NAMES = "HIDDEN_PACKAGES"


class HidingFinder:
    """Find on the path what Python's own finder finds there, but for the hidden packages and their metadata."""

    def __init__(self, names):
        self._names = frozenset(names)

    def find_spec(self, fullname, path=None, target=None):
        return None if fullname in self._names else PathFinder.find_spec(fullname, path, target)

    def find_distributions(self, *arguments, **named):
        # PathFinder loses its method of this name when the backport importlib_metadata is imported.
        from importlib.metadata import MetadataPathFinder

        return (found for found in MetadataPathFinder.find_distributions(*arguments, **named) if not self._hides(found))

    def invalidate_caches(self):
        PathFinder.invalidate_caches()

    def _hides(self, distribution):
        name = distribution._normalized_name  # of its folder: to read the metadata of all takes a tenth of a second
        return name.removesuffix("_cpu") in self._names


def hide(names):
    """Put a hiding finder in the place of Python's own."""
    sys.meta_path[:] = [HidingFinder(names) if finder is PathFinder else finder for finder in sys.meta_path]


if os.environ.get(NAMES):
    hide(os.environ[NAMES].split(","))
