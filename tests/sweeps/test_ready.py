"""What stops a sweep before it starts."""

import pytest

from harness.schema import SchemaError
from sweeps.cost.hardware import parse_cluster
from sweeps.errors import SweepError
from sweeps.plan import make_plan
from sweeps.ready import refuse_unready
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


def test_a_model_that_does_not_fit_is_refused_with_what_would(tmp_path):
    made = planned(tmp_path, "Qwen/Qwen3-32B", "8xA6000")
    with pytest.raises(SweepError, match=r"does not fit on 8xA6000: .* GB a GPU; .* would do; say CLUSTER="):
        refuse_unready(made)


def test_finished_runs_are_no_matter(tmp_path):
    made = planned(tmp_path, "Qwen/Qwen3-32B", "8xA6000")
    done = make_plan(made.grid, False, [run.run_id for run in made.runs], (), {}, cluster=parse_cluster("8xA6000"))
    refuse_unready(done)


def test_engines_that_are_not_installed_are_named_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS")
    monkeypatch.setattr("harness.engines.vllm_fit.find_spec", lambda name: None)
    with pytest.raises(SchemaError, match=r"make setup EXTRA=gpu, or EXTRA=cpu_engines"):
        refuse_unready(planned(tmp_path, "Qwen/Qwen3-4B", "8xH100"))
