import pytest

from sweeps.plan.alternatives import alternative_designs
from sweeps.plan.plan import make_plan
from tests.sweeps.grids import PLAIN, grid

SIX = tuple(range(6))
TWO_LEVELS = """
question: Which of five switches matters?
metric: final/accuracy
feeds: [study]
axes:
  a: {no: [], yes: [optim.lr=1.0e-4]}
  b: {no: [], yes: [optim.weight_decay=0.1]}
  c: {no: [], yes: [optim.max_grad_norm=2.0]}
  d: {no: [], yes: [optim.warmup_steps=5]}
  e: {no: [], yes: [rollout.temperature=0.9]}
baseline: {a: no}
seeds: [0]
"""


def plan(folder, text=PLAIN, seeds=SIX, once=False):
    return make_plan(grid(folder, text, seeds=seeds), True, (), (), {}, once)


def designs(made, effect=None):
    return {design.how: design for design in alternative_designs(made, effect)}


def test_running_twins_once_shows_as_much_for_less(tmp_path):
    made = plan(tmp_path)
    found = designs(made)["TWINS=once"]
    assert found.runs == 18  # three cells of four, six seeds
    assert found.cost == pytest.approx(made.spent(made.runs) - made.spent(made.spared))
    assert found.smallest == made.promise.smallest
    assert "TWINS=once" not in designs(plan(tmp_path, once=True))


def test_fewer_seeds_are_proposed_where_the_wished_effect_takes_fewer(tmp_path):
    made = plan(tmp_path, seeds=tuple(range(20)))
    needed = made.promise.needed(0.03)
    assert 6 <= needed < 20
    found = designs(made, 0.03)[f"SEEDS=0-{needed - 1}"]
    assert found.runs == 4 * needed
    assert found.smallest <= 0.03
    assert not any(how.startswith("SEEDS") for how in designs(made))


def test_cells_outside_the_primary_family_can_be_left_out(tmp_path):
    made = plan(tmp_path, PLAIN + "primary: [{reward_scale: zero_one}]\n")
    found = designs(made)["without cells outside the primary family"]
    assert found.runs == 12  # the declared arm and its baseline
    assert found.cost == pytest.approx(made.spent(made.runs) / 2, rel=0.01)


def test_a_fraction_stands_in_for_a_cross_of_switches(tmp_path):
    made = plan(tmp_path, TWO_LEVELS)
    found = next(design for how, design in designs(made).items() if "fraction" in how)
    assert found.runs == 16 * 6  # of 32 cells
    assert found.cost == pytest.approx(made.spent(made.runs) / 2)
    assert found.smallest < made.promise.smallest


def test_a_grid_that_is_no_cross_of_switches_has_no_fraction(tmp_path):
    part = TWO_LEVELS + "skip: [{a: no, b: no, because: it is dull}]\n"
    assert not any("fraction" in how for how in designs(plan(tmp_path, part)))
    assert not any("fraction" in how for how in designs(plan(tmp_path)))  # two axes


def test_nothing_is_cheaper_than_nothing_shown(tmp_path):
    assert designs(plan(tmp_path, seeds=(0,))) == {}
    assert designs(plan(tmp_path, PLAIN.replace("baseline: {norm: none}", "baseline: {}"))) == {}
