#!/usr/bin/env bash
# importlib_metadata 9.1.0: importing it deletes a method of a class of Python's standard library.
#
# Input       a finder on sys.meta_path that delegates find_distributions to importlib.machinery.PathFinder, as the
#             standard library's documentation of importlib.metadata describes finders; Python 3.11 or newer.
# Expected    importlib.metadata.distributions() gives the same before and after the import of the backport.
# Seen        the import deletes PathFinder.find_distributions. From then on every such finder raises AttributeError, and
#             importlib.metadata.distributions() and version() end with it, although nobody asked the backport.
#             importlib.metadata.MetadataPathFinder.find_distributions still works.
# Why care    mlflow and DeepSpeed import the backport; a test harness that hides packages then fails, or not, by the
#             order of imports.
# Source      https://pypi.org/project/importlib-metadata/9.1.0/ (importlib_metadata/_compat.py, disable_stdlib_finder)
# Exit        0: as seen; 1: something else; 2: the packages could not be installed.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check importlib_metadata==9.1.0 zipp==4.1.0 || exit 2

cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import platform
import sys
from importlib.machinery import PathFinder


class Finder:
    """Finds no module, and the distributions that the standard finder finds."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        return None

    @staticmethod
    def find_distributions(context):
        return PathFinder.find_distributions(context)


def looked_up():
    try:
        return importlib.metadata.version("importlib_metadata")
    except AttributeError as error:
        return f"AttributeError: {error}"


sys.meta_path.insert(0, Finder)
before = looked_up()
import importlib_metadata  # noqa: E402,F401

after = looked_up()
print(f"importlib_metadata {before}, Python {platform.python_version()}")
print(f"before the import: {before}")
print(f"after the import:  {after}")
print(f"PathFinder.find_distributions: {hasattr(PathFinder, 'find_distributions')}")
seen = before == "9.1.0" and after.startswith("AttributeError") and not hasattr(PathFinder, "find_distributions")
sys.exit(0 if seen else "changed: the finder of the standard library still works")
PYTHON
