"""Keep tests without the mark ``engines`` runnable by the README's commands alone.

A test that needs vLLM or DeepSpeed carries ``pytest.mark.engines``. In a session without such tests, which is what
``make test`` runs, optional packages are hidden from the test's process and from every process that it starts: a test
that imports one fails, whether the package is installed or not.
"""

import os
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

from tests.hide_optional.sitecustomize import NAMES, hide

ROOT = Path(__file__).parents[1]
MARK = "engines"
NEEDED = ("vllm", "deepspeed")
INSTALL = "make setup EXTRA=cpu_engines"


def optional_packages():
    """Packages that pyproject.toml names in an extra, and neither as a dependency nor for development."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = dict(project["optional-dependencies"])
    always = {_name(line) for line in (*project["dependencies"], *extras.pop("dev"))}
    return sorted({_name(line) for lines in extras.values() for line in lines} - always)


def hide_optional_packages():
    """Hide them in this process and, through its environment, in those that it starts."""
    names = optional_packages()
    hide(names)
    os.environ.update(environment(names))


def environment(names):
    """Variables that hide ``names`` from a Python process."""
    paths = [str(ROOT / "tests" / "hide_optional"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {NAMES: ",".join(names), "PYTHONPATH": os.pathsep.join(paths)}


def engines_are_installed():
    return all(find_spec(name) for name in NEEDED)


def _name(requirement):
    return re.match(r"[\w.-]+", requirement).group().replace("-", "_")
