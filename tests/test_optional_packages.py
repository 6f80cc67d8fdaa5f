"""The guard that keeps optional packages out of tests without the mark ``engines``."""

import os
import subprocess
import sys

import pytest
import ray

from tests.local_ray import local_ray
from tests.optional_packages import MARK, NEEDED, environment, optional_packages

STAND_IN = "colorsys"  # a module of the standard library that nothing here imports


def python(code):
    process = {**os.environ, **environment([STAND_IN])}
    return subprocess.run([sys.executable, "-c", code], env=process, capture_output=True, text=True, check=False)


def test_the_engines_are_optional_and_what_every_clone_has_is_not():
    names = optional_packages()
    assert {*NEEDED} <= {*names}
    assert not {"torch", "ray", "gguf", "accelerate", "pytest"} & {*names}


def test_a_process_that_a_test_starts_cannot_import_an_optional_package():
    refused = python(f"import {STAND_IN}")
    assert refused.returncode == 1
    assert refused.stderr.rstrip().endswith(f"mark the test with pytest.mark.{MARK}")


def test_it_can_still_be_looked_for():
    assert python(f"import importlib.util as u; assert u.find_spec('{STAND_IN}')").returncode == 0


def test_a_package_that_is_not_installed_stays_a_missing_one():
    code = "import importlib.util as u; assert u.find_spec('no_such_package') is None"
    process = {**os.environ, **environment(["no_such_package"])}
    assert subprocess.run([sys.executable, "-c", code], env=process, check=False).returncode == 0


def test_an_actor_of_ray_cannot_import_it_either(monkeypatch):
    for name, value in environment([STAND_IN]).items():
        monkeypatch.setenv(name, value)
    with local_ray(), pytest.raises(ray.exceptions.RayTaskError, match=f"pytest.mark.{MARK}"):
        ray.get(ray.remote(lambda: __import__(STAND_IN)).options(num_cpus=0).remote())


@pytest.mark.skipif(any(name in sys.modules for name in NEEDED), reason="the session holds tests of the engines")
def test_this_session_is_guarded():
    assert os.environ["REFUSED_IMPORTS"].split(",") == optional_packages()
