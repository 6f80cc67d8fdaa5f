"""From the grid to the table, as a user does it."""

import os
import subprocess
import sys

import pytest

from harness.tracking.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("smoke") / "results"


def python(place, *words):
    away = {"RAY_ADDRESS", "MLFLOW_TRACKING_URI", "RESULTS_DIR", "LAUNCH"}
    environment = {name: value for name, value in os.environ.items() if name not in away}
    command = [sys.executable, "-m", *words, f"results={place}"]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def swept(place):
    return python(place, "sweeps", "run", "grid=smoke")


@pytest.fixture(scope="module")
def tables(place, swept):
    return python(place, "analysis", "tables")


def test_the_sweep_finishes_all_runs(swept, place):
    assert swept.returncode == 0, swept.stderr
    assert "4 runs finished, 0 failed" in swept.stdout
    assert len(Store.open(place).finished("smoke")) == 4


def test_the_sweep_says_what_it_cost_and_what_comes_next(swept):
    assert "overhead" in swept.stdout
    assert "next: make ui, make tables, make figures" in swept.stdout


def test_the_sweep_is_silent_on_stderr(swept):
    assert swept.stderr == ""


def test_the_table_has_every_cell_with_its_seeds(tables, place):
    assert tables.returncode == 0, tables.stderr
    table = (place / "tables" / "smoke.laptop.md").read_text()
    for norm in ("none", "group"):
        assert f"| {norm} " in table
    assert "(2)" in table


def test_a_plan_after_the_sweep_has_nothing_left(tables, place):
    plan = python(place, "sweeps", "plan", "grid=smoke")
    assert plan.returncode == 0
    assert "to run   0" in plan.stdout
