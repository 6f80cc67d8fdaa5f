"""The guard that keeps optional packages out of tests without the mark ``engines``."""

import os
import subprocess
import sys

import pytest
import ray

from tests.local_ray import imports_from_here, local_ray
from tests.optional_packages import MARK, NEEDED, engines_are_installed, environment, optional_packages

STAND_IN = "xdist"  # installed in every clone, and imported by no test


def python(code, names):
    process = {**os.environ, **environment(names)}
    return subprocess.run([sys.executable, "-c", code], env=process, capture_output=True, text=True, check=False)


def test_the_engines_are_optional_and_what_every_clone_has_is_not():
    names = optional_packages()
    assert {*NEEDED} <= {*names}
    assert not {"torch", "ray", "gguf", "accelerate", "pytest"} & {*names}


def test_a_process_that_a_test_starts_cannot_import_a_hidden_package():
    assert python(f"import {STAND_IN}", ["another"]).returncode == 0
    refused = python(f"import {STAND_IN}", [STAND_IN])
    assert refused.returncode == 1
    assert refused.stderr.rstrip().endswith(f"ModuleNotFoundError: No module named '{STAND_IN}'")


def test_nor_find_it_nor_read_its_version():
    code = f"import importlib.util as u; assert u.find_spec('{STAND_IN}') is None"
    assert python(code, [STAND_IN]).returncode == 0
    version = "import importlib.metadata as m; m.version('pytest-timeout'); m.version('pytest-xdist')"
    assert python(version, ["another"]).returncode == 0
    assert "PackageNotFoundError" in python(version, ["pytest_xdist"]).stderr


@pytest.mark.distributed
def test_an_actor_of_ray_cannot_import_it_either(monkeypatch):
    for name, value in environment([STAND_IN]).items():
        monkeypatch.setenv(name, value)
    with local_ray():
        task = ray.remote(lambda: __import__(STAND_IN)).options(num_cpus=0, runtime_env=imports_from_here()).remote()
        with pytest.raises(ray.exceptions.RayTaskError, match="No module named"):
            ray.get(task)


def test_this_session_hides_them_unless_it_holds_tests_that_need_them(request):
    marked = any(item.get_closest_marker(MARK) for item in request.session.items)
    assert marked or os.environ["HIDDEN_PACKAGES"].split(",") == optional_packages()
    assert marked or not engines_are_installed()
