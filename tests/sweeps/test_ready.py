"""What stops a sweep before it starts."""

import pytest

from harness.common.schema import SchemaError
from sweeps.cost.inputs import parse_cluster
from sweeps.grid.grid import GRIDS, read_grid
from sweeps.launch.environment import SweepError
from sweeps.launch.ready import refuse_unready
from sweeps.plan.plan import make_plan
from tests.sweeps.grids import grid

TEXT = """
question: Does it fit?
metric: final/accuracy
feeds: [study]
axes:
  norm:
    none: []
    group: ["+tricks.group_norm={}"]
baseline: {norm: none}
seeds: [0, 1]
overrides: [model.path=MODEL, rollout=8k, optim=paper, eval=paper, data=math_hard, backend=gpu]
"""


def planned(folder, model, cluster):
    return make_plan(grid(folder, TEXT.replace("MODEL", model)), False, (), (), {}, cluster=parse_cluster(cluster))


@pytest.fixture(autouse=True)
def on_a_cluster(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:6379")  # whose nodes have engines, for all this machine knows


def test_a_model_that_fits_is_let_pass(tmp_path):
    refuse_unready(planned(tmp_path, "Qwen/Qwen3-8B", "8xH100"))


def test_a_model_that_does_not_fit_is_refused_with_what_takes_the_memory_and_what_would_do(tmp_path):
    made = planned(tmp_path, "Qwen/Qwen3-8B", "8xA6000")
    with pytest.raises(SweepError) as refused:
        refuse_unready(made)
    assert str(refused.value).partition(" does not fit on ")[2] == (
        "8xA6000: trainer and sampler need 50.2 of 45.6 GB per GPU: the sampler 28.8, states 19.4, the runtime 2.0; "
        "backend.vllm.gpu_memory=0.5, or 2x8xA6000 with backend.num_gpus=16, backend.vllm.engines=16, "
        "backend.deepspeed.ranks=16, or 8xH100 would do; if the cluster has other GPUs, name them, as in "
        "CLUSTER=8xH200"
    )


@pytest.mark.parametrize(("model", "cluster"), [("Qwen/Qwen3-8B", "4xH100"), ("Qwen/Qwen3-4B", "2xH100")])
def test_engines_that_take_more_than_is_left_are_refused(tmp_path, model, cluster):
    with pytest.raises(SweepError, match=rf"does not fit on {cluster}: trainer and sampler need .* the sampler 48\.0"):
        refuse_unready(planned(tmp_path, model, cluster))


def test_finished_runs_are_no_matter(tmp_path):
    made = planned(tmp_path, "Qwen/Qwen3-32B", "8xA6000")
    done = make_plan(made.grid, False, [run.run_id for run in made.runs], (), {}, cluster=parse_cluster("8xA6000"))
    refuse_unready(done)


def test_engines_that_are_not_installed_are_named_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS")
    monkeypatch.setattr("harness.engines.vllm.validate.find_spec", lambda name: None)
    with pytest.raises(SchemaError, match=r"make setup EXTRA=gpu, or EXTRA=cpu_engines"):
        refuse_unready(planned(tmp_path, "Qwen/Qwen3-4B", "8xH100"))


@pytest.mark.parametrize("full", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["quick", "full"])
@pytest.mark.parametrize(("profile", "cluster"), [("gpu", "8xH100"), ("gpu_small", "1xH100")])
def test_every_cell_of_every_grid_fits_the_gpus_of_its_profile(profile, cluster, full):
    unfit = []
    for path in sorted(GRIDS.glob("*.yaml")):
        made = make_plan(read_grid(path, profile), full, (), (), {}, cluster=parse_cluster(cluster))
        unfit += [f"{path.stem}: {cost.unfit}" for cost in made.costs.values() if cost.unfit]
    assert unfit == []
