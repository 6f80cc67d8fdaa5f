"""Profiles that all grids have: what they take from another profile, and what stands in its place."""

from random import Random

import pytest

from harness.common.schema import SchemaError
from harness.config.experiment import ExperimentConfig
from sweeps.grid.cells import compose_cells, select_cells
from sweeps.grid.file import read_derived_profiles
from sweeps.grid.grid import find_grid, list_grid_names, read_grid
from tests.tiers import counts

GRID = """
question: Does it?
metric: final/accuracy
feeds: [study]
axes:
  model:
    small_base: [model=small_base, optim.lr=1.0e-4]
    large_base: [model=large_base]
    small_aligned: [model=small_aligned]
  norm:
    none: []
    group: ["+tricks.group_norm={}"]
baseline: {norm: none}
seeds: [5, 6, 7, 8, 9]
overrides: [steps=2]
primary:
  - {model: small_base}
quick:
  - {model: [small_base, large_base]}
skip:
  - {model: small_aligned, norm: group, because: it is asked elsewhere}
controls:
  lr_too_high:
    at: {model: small_base, norm: group}
    overrides: [optim.lr=3.0e-3]
    expect: worse
    because: it diverges
"""


@pytest.fixture
def grid(tmp_path):
    def written(profile, text=GRID):
        file = tmp_path / "asked.yaml"
        file.write_text(text)
        return read_grid(file, profile)

    return written


def test_models_are_replaced_wherever_they_are_named(grid):
    found = grid("cpu_engines")
    assert list(found.axes["model"]) == ["large_base", "large_aligned"]
    assert [part.labels["model"] for part in (*found.primary, *found.quick)] == [("large_base",)] * 2
    assert found.skip[0].labels["model"] == ("large_aligned",)
    assert found.controls[0].labels["model"] == "large_base"


def test_settings_of_the_grid_and_its_other_axes_stay(grid):
    found, laptop = grid("cpu_engines"), grid("laptop")
    assert found.axes["norm"] == laptop.axes["norm"]
    assert found.baseline == laptop.baseline
    assert set(laptop.overrides) <= set(found.overrides)
    assert "backend=cpu_engines" in found.overrides
    assert found.seeds == (5, 6, 7)


def test_a_grid_without_models_gets_the_one_of_the_profile(grid):
    text = GRID.replace("  model:\n", "  unused:\n")
    lines = [line for line in text.splitlines() if "model: [" not in line and "model: small" not in line]
    cut = "\n".join(lines).replace("primary:", "").replace("quick:", "").split("skip:")[0]
    assert "model=large_base" in grid("cpu_engines", cut).overrides


def test_a_profile_of_the_grids_own_comes_first(grid):
    own = GRID + "profiles:\n  cpu_engines:\n    overrides: [steps=3]\n"
    assert grid("cpu_engines", own).overrides == ("steps=2", "steps=3")


def test_what_it_derives_from_must_be_there(grid):
    with pytest.raises(SchemaError, match=r"asked.yaml: profiles.gpu_small: derives from the profile 'gpu'"):
        grid("gpu_small")


def test_a_misspelled_profile_is_offered_the_derived_ones(grid):
    with pytest.raises(SchemaError, match=r"did you mean 'cpu_engines'"):
        grid("cpu_engine")


def test_a_model_without_a_stand_in_is_left_out_with_all_that_names_it():
    gpu, small = (read_grid(find_grid("p11_iclr_ext"), profile) for profile in ("gpu", "gpu_small"))
    assert "llama3_8b" in gpu.axes["model"]
    assert list(small.axes["model"]) == ["qwen3_0_6b"]
    assert not small.skip


@pytest.mark.parametrize("most", counts(8, 10_000))
@pytest.mark.parametrize("profile", ["gpu", *read_derived_profiles()])
@pytest.mark.parametrize("name", list_grid_names())
def test_every_grid_composes_under_every_profile(name, profile, most):
    grid = read_grid(find_grid(name), profile)
    cells = select_cells(grid, full=False).cells
    composed = compose_cells(grid, Random(name).sample(cells, min(most, len(cells))))
    assert composed.cells
    for cell in composed.cells:
        config: ExperimentConfig = cell.config
        assert config.backend.vllm is not None
        assert config.backend.deepspeed is not None
        assert profile == "gpu" or ("Qwen" in config.model.path) == (profile == "gpu_small")
