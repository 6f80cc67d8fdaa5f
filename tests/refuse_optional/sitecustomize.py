"""Refuse to import the packages named in REFUSED_IMPORTS.

Python runs this file at the start of every process that has its folder on PYTHONPATH, Ray's workers included.
Finding a package stays possible, so that product code that asks whether an engine is installed is not misled.
"""

import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder

NAMES = "REFUSED_IMPORTS"


class RefusingLoader(Loader):
    """Load nothing and say which mark the test lacks."""

    def create_module(self, spec):
        raise ImportError(
            f"{spec.name} is an optional package and this session holds no test marked 'engines': "
            "mark the test with pytest.mark.engines"
        )

    def exec_module(self, module):
        raise AssertionError("create_module always raises")


class RefusingFinder(MetaPathFinder):
    """Find the refused packages where they are installed, with a loader that refuses them."""

    def __init__(self, names):
        self._names = frozenset(names)

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in self._names or PathFinder.find_spec(fullname, path, target) is None:
            return None
        return ModuleSpec(fullname, RefusingLoader(), is_package=True)


def install(names):
    """Put the finder before all others."""
    sys.meta_path.insert(0, RefusingFinder(names))


if os.environ.get(NAMES):
    install(os.environ[NAMES].split(","))
