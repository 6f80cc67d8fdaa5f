"""The names of a grid's runs in MLflow: each its own, the arm first."""

import pytest

from harness.tracking.display import run_name
from sweeps.grid.grid import find_grid, read_grid
from sweeps.plan.plan import build_study, make_plan


@pytest.mark.parametrize("name", ["norm_ablation", "p6_clip_sweep", "screening"])
def test_every_run_of_a_grid_has_a_name_of_its_own_that_begins_with_its_arm(name):
    plan = make_plan(read_grid(find_grid(name)), False, frozenset(), [], {})
    made = build_study(plan, [])
    names = [run_name(run.head, made) for run in plan.to_run]
    assert len(set(names)) == len(names) > 0
    arms = {label for axis in made.baseline for label in made.axes[axis]} | {each.name for each in made.controls}
    assert all(not made.baseline or word.split()[0] in arms for word in names)
