from dataclasses import asdict, replace

import pytest

from harness.config import load
from sweeps.cost.constants import START_SECONDS
from sweeps.cost.gpu import gpu_cost, part_of, work_of
from sweeps.cost.gpu_speed import REDRAWN, GpuSpeed
from sweeps.cost.hardware import parse_cluster
from sweeps.cost.models import SHAPES
from sweeps.cost.response_lengths import ResponseLengths
from sweeps.cost.step import step_time
from tests.sweeps.records import record

NONE = ResponseLengths({})
NODE = parse_cluster("8xH100")
PAPER = ("rollout=8k", "optim=paper", "eval=paper", "data=math_hard", "steps=500", "backend=gpu")


def config(*overrides, model="qwen3_8b_base"):
    return load(f"model={model}", *PAPER, *overrides)


@pytest.mark.parametrize(
    ("cluster", "asked", "part"),
    [
        ("2x8xH100", 8, "8xH100"),
        ("2x8xH100", 16, "2x8xH100"),
        ("2x8xH100", 0, "8xH100"),  # a node, where a run does not say
        ("4xH100", 8, "4xH100"),
        ("8xH100", 2, "2xH100"),
    ],
)
def test_a_run_takes_the_gpus_that_it_asks_for(cluster, asked, part):
    assert str(part_of(parse_cluster(cluster), asked)) == part


def test_the_work_of_a_step_is_read_from_the_settings():
    work = work_of(config("optim.epochs=2"), 1000.0, 1.5)
    assert (work.responses, work.group, work.updates, work.epochs) == (1024, 8, 4, 2)
    assert (work.recompute, work.reference, work.drawn) == (True, False, 1.5)
    assert work_of(config("+tricks.kl_loss={}"), 1000.0).reference


def test_a_run_is_its_steps_its_evaluations_and_a_start():
    # Without steps there is one evaluation; 500 steps have 14: at the start, every 40, and at the end.
    none, some = gpu_cost(config("steps=0"), NODE, NONE), gpu_cost(config(), NODE, NONE)
    evaluation = none.seconds - START_SECONDS
    assert some.seconds == pytest.approx(START_SECONDS + 500 * some.step.seconds + 14 * evaluation)
    assert some.gpu_seconds == 8 * some.seconds
    assert some.length == NONE.mean(asdict(config()))
    expected = step_time(SHAPES["Qwen/Qwen3-8B"], NODE, work_of(config(), some.length))
    assert some.step.seconds == pytest.approx(expected.seconds)


def test_recorded_runs_set_the_pace():
    assert gpu_cost(config(), NODE, NONE, pace=2.0).seconds == pytest.approx(2 * gpu_cost(config(), NODE, NONE).seconds)


def test_what_does_not_fit_says_why_and_what_would():
    large = load("model.path=Qwen/Qwen3-32B", *PAPER)
    found = gpu_cost(large, NODE, NONE)
    assert found.unfit.startswith("training needs")
    assert found.instead == ("4x8xH100", "8xH200")
    for other in map(parse_cluster, found.instead):
        whole = replace(large, backend=replace(large.backend, num_gpus=float(other.gpus)))
        assert gpu_cost(whole, other, NONE).unfit is None
    assert gpu_cost(config(), NODE, NONE).unfit is None


def test_a_model_without_a_known_shape_has_no_cost():
    assert gpu_cost(load("model.path=someone/unheard-of", *PAPER), NODE, NONE) is None


def test_recorded_runs_of_planned_cells_correct_the_model():
    planned = config()
    model = GpuSpeed.of([], {}, NODE).cost(planned).seconds
    ran = replace(record(), run_id="x-s0", cell_id="x", wall_seconds=2 * model, scores={})
    elsewhere = replace(ran, run_id="y-s0", cell_id="y", wall_seconds=1.0)
    speed = GpuSpeed.of([ran, elsewhere], {"x": planned}, NODE)
    assert speed.runs == 1
    assert speed.pace == pytest.approx(2.0)
    assert speed.cost(planned).seconds == pytest.approx(2 * model)
    assert speed.source == "from 1 recorded run, taken for runs on this cluster"


def test_dynamic_sampling_is_expected_to_draw_twice_unless_recorded():
    speed = GpuSpeed.of([], {}, NODE)
    assert speed.draws == REDRAWN
    plain, dynamic = (speed.cost(config(*more)).step for more in ((), ("+tricks.dynamic_sampling={}",)))
    assert dynamic.generation > plain.generation
    assert dynamic.update == pytest.approx(plain.update)
