from math import inf, sqrt

import pytest
import yaml

from analysis.stats.contrasts import list_contrasts as judged
from harness.records.power import find_detectable_effect, find_seeds_needed, power
from harness.records.record import Study
from sweeps.grid.cells import select_cells
from sweeps.grid.grid import find_grid, list_grid_names, read_grid
from sweeps.plan.power import Noise, PowerAnalysis, analyze_power, find_planned_contrasts, is_primary
from tests.sweeps.grids import PLAIN, grid

NOISE = Noise(0.02, "given")
BOTH = "primary: [{reward_scale: zero_one}]\n"


def of(folder, text=PLAIN, seeds=tuple(range(6))):
    found = grid(folder, text, seeds=seeds)
    return analyze_power(found, select_cells(found, full=True).cells, NOISE)


def test_all_contrasts_with_the_baseline_share_the_level(tmp_path):
    found = of(tmp_path)
    assert (found.comparisons, found.primary, found.level) == (2, True, 0.025)
    assert found.smallest == pytest.approx(find_detectable_effect(0.02, 6, 0.025))
    assert power(found.smallest, 0.02, 6, 0.025) == pytest.approx(0.8, abs=1e-6)


def test_only_declared_contrasts_share_it_where_some_are(tmp_path):
    assert of(tmp_path, PLAIN + BOTH).comparisons == 1
    undeclared = of(tmp_path, PLAIN + "primary: []\n")
    assert (undeclared.primary, undeclared.level) == (False, 0.05)


def test_the_seeds_for_a_wish_are_those_of_its_level_and_never_below_six(tmp_path):
    found = of(tmp_path)
    assert found.needed(0.03) == find_seeds_needed(0.03, 0.02, 0.025)
    assert found.needed(1.0) == 6
    assert found.needed(1e-9) is None


def test_one_seed_shows_nothing(tmp_path):
    assert of(tmp_path, seeds=(0,)).smallest == inf


def test_a_grid_without_a_baseline_compares_nothing(tmp_path):
    assert of(tmp_path, PLAIN.replace("baseline: {norm: none}", "baseline: {}")) is None


def test_a_fraction_compares_halves():
    found = read_grid(find_grid("screening"))
    read = analyze_power(found, select_cells(found, full=True).cells, NOISE)
    assert (read.comparisons, read.primary, read.cells) == (6, False, 8)
    assert read.smallest == pytest.approx(find_detectable_effect(0.02 / sqrt(8), 3, 0.05))


def test_more_seeds_show_less():
    few = PowerAnalysis("final/accuracy", 1, True, 1, 6, NOISE)
    assert few.with_seeds(12).smallest < few.smallest


@pytest.mark.parametrize("name", list_grid_names())
def test_what_is_planned_to_be_compared_is_what_verdicts_compare(name):
    written = yaml.safe_load(find_grid(name).read_text(encoding="utf-8"))
    for profile in ("laptop", *written.get("profiles", {})):
        planned = read_grid(find_grid(name), profile)
        cells = select_cells(planned, full=True).cells
        study = Study(
            *(planned.name, profile, planned.question, planned.metric),
            axes={axis: tuple(labels) for axis, labels in planned.axes.items()},
            baseline=planned.baseline,
            seeds=planned.seeds,
            cells=cells,
            cell_ids=tuple(map(str, range(len(cells)))),
            primary=None if planned.primary is None else tuple(part.labels for part in planned.primary),
            controls=planned.controls,
        )
        families = {"primary": [], "exploratory": [], "control": []}
        for contrast in judged(study):
            families[contrast.family].append(cells[contrast.arm])
        arms = find_planned_contrasts(planned, cells)
        assert [arm for arm in arms if is_primary(planned, arm)] == families["primary"]
        assert [arm for arm in arms if not is_primary(planned, arm)] == families["exploratory"]
