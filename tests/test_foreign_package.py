"""A package with one trick, installed beside ours: listed, checked, applied, crossed, and shown as foreign."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "half-rewards"
version = "0.1"

[project.entry-points."liteppo.tricks"]
half_rewards = "half_rewards:SPEC"
"""
MODULE = '''\
"""A trick that takes half of every reward away."""

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor

from tricks.api import TrickSpec
from tricks.batch import Rollouts


@dataclass(frozen=True, slots=True)
class HalfRewards:
    """Add minus a share of each reward."""

    share: Annotated[float, "of the reward that goes"] = 0.5

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        return -self.share * rollouts.rewards


SPEC = TrickSpec("half_rewards", HalfRewards, "arXiv:0000.00000", "half of every reward")
'''
GRID = """\
question: Does half of every reward do?
metric: final/accuracy
feeds: [study]
axes:
  normaliser: {none: [], group: ["+tricks.group_norm={}"]}
  half: {off: [], on: ["+tricks.half_rewards={}"]}
baseline: {half: off}
seeds: [0]
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip installed the package into; it knows nothing of this project but its import."""
    source, target = tmp_path_factory.mktemp("half-rewards"), tmp_path_factory.mktemp("site")
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "half_rewards.py").write_text(MODULE)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return target


def run(installed: Path, *words: str, results: Path | None = None, text: str = "") -> str:
    path = os.pathsep.join(filter(None, (str(installed), str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "120"}
    if results is not None:
        environment["RESULTS_DIR"] = str(results)
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_trick_is_listed_as_foreign_with_its_package(installed: Path) -> None:
    listed = run(installed, "tricks")
    assert "half_rewards          half of every reward  (foreign: half-rewards 0.1)" in listed
    assert listed.count("(foreign: ") == 1


def test_its_trick_keeps_the_contract(installed: Path) -> None:
    assert run(installed, "tricks", "check", "half_rewards").startswith("half_rewards keeps the ")


def test_its_trick_is_applied_beside_ours(installed: Path) -> None:
    batch = {"rewards": [1, 0], "group": [0, 0], "lengths": [1, 1], "log_probs": [[-1.0], [-1.0]]}
    words = ("tricks", "apply", "tricks.half_rewards={}", "tricks.group_mean={}")
    found = json.loads(run(installed, *words, text=json.dumps(batch)))
    assert found["advantages"] == [0.25, -0.25]  # rewards 1/2 and 0 about their mean 1/4
    assert found["fired"]["half_rewards"]["share"] == 1


def test_a_grid_crosses_its_trick_with_ours_and_the_plan_shows_it_as_foreign(installed: Path, tmp_path: Path) -> None:
    grid = tmp_path / "halves.yaml"
    grid.write_text(GRID)
    planned = run(installed, "sweeps", "plan", f"grid={grid}", results=tmp_path / "results")
    assert "4: 4 cells x 1 seed" in planned
    assert "half_rewards, of the package half-rewards 0.1" in planned
    # Half of every reward is half a step under raw rewards, and nothing under a deviation.
    assert "normaliser=group: half cannot matter" in planned


def test_a_run_trains_with_its_trick_and_its_record_names_the_package(installed: Path, tmp_path: Path) -> None:
    small = ("steps=1", "rollout.prompts_per_batch=4", "rollout.group_size=2", "eval.problems=1", "eval.samples=1")
    command = ("harness", "preset=grpo", "+tricks.half_rewards={}", *small)
    assert "HalfRewards(" in run(installed, *command, results=tmp_path / "results")
    (record,) = (tmp_path / "results").glob("runs/*/record.json")
    assert json.loads(record.read_text())["provenance"]["trick half_rewards"] == "half-rewards 0.1"
