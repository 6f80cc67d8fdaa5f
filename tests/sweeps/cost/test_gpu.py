from dataclasses import asdict, replace

import pytest

from harness.config.engines import plan_layout
from harness.config.experiment import load_config
from sweeps.cost.gpu import REDRAWN, GpuSpeed, choose_run_part, describe_step_work, gpu_cost
from sweeps.cost.inputs import SHAPES, START_SECONDS, parse_cluster
from sweeps.cost.step_time import estimate_step_time
from sweeps.cost.work import ResponseLengths
from tests.sweeps.records import record

NONE = ResponseLengths({})
NODE = parse_cluster("8xH100")
PAPER = ("rollout=8k", "optim=paper", "eval=paper", "data=math_hard", "steps=500", "backend=gpu")


def config(*overrides, model="qwen3_8b_base"):
    return load_config(f"model={model}", *PAPER, *overrides)


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
    assert str(choose_run_part(parse_cluster(cluster), asked)) == part


def test_the_work_of_a_step_is_read_from_the_settings():
    work = describe_step_work(config("optim.epochs=2"), 1000.0, 1.5)
    assert (work.responses, work.group, work.updates, work.epochs) == (1024, 8, 4, 2)
    assert (work.recompute, work.reference, work.drawn) == (True, False, 1.5)
    assert describe_step_work(config("+tricks.kl_loss={}"), 1000.0).reference


def test_a_run_is_its_steps_its_evaluations_and_a_start():
    # Without steps there is one evaluation; 500 steps have 14: at the start, every 40, and at the end.
    none, some = gpu_cost(config("steps=0"), NODE, NONE), gpu_cost(config(), NODE, NONE)
    evaluation = none.seconds - START_SECONDS
    assert some.seconds == pytest.approx(START_SECONDS + 500 * some.step.seconds + 14 * evaluation)
    assert some.gpu_seconds == 8 * some.seconds
    assert some.length == NONE.mean(asdict(config()))
    expected = estimate_step_time(SHAPES["Qwen/Qwen3-8B"], NODE, describe_step_work(config(), some.length))
    assert some.step.seconds == pytest.approx(expected.seconds)


def test_recorded_runs_set_the_pace():
    assert gpu_cost(config(), NODE, NONE, pace=2.0).seconds == pytest.approx(2 * gpu_cost(config(), NODE, NONE).seconds)


def fit(*overrides, model="qwen3_8b_base", cluster="8xH100"):
    return gpu_cost(config(*overrides, model=model), parse_cluster(cluster), NONE)


@pytest.mark.parametrize(
    ("model", "cluster"), [("qwen3_8b_base", "4xH100"), ("qwen3_4b_base", "2xH100"), ("qwen3_8b_base", "8xA6000")]
)
def test_engines_take_the_share_that_they_are_told_however_little_is_left(model, cluster):
    found = fit(model=model, cluster=cluster)
    assert found.memory.sampler == pytest.approx(0.6 * found.part.device.memory)
    assert found.unfit.startswith("trainer and sampler need")
    assert fit("backend.vllm.gpu_memory=0.4", model=model, cluster=cluster).unfit is None


@pytest.mark.parametrize("model", ["qwen3_4b_base", "qwen3_8b_base", "qwen3_8b"])
@pytest.mark.parametrize("rule", [(), ("+tricks.kl_loss={}",)])
def test_the_papers_models_fit_the_node_of_the_gpu_profile(model, rule):
    assert fit(*rule, model=model).unfit is None


def test_the_small_profile_fits_one_gpu():
    assert fit("backend=gpu_small", "+tricks.kl_loss={}", model="qwen3_0_6b_base", cluster="1xH100").unfit is None


def test_a_micro_batch_is_at_least_one_sequence():
    assert fit("optim.micro_batch_tokens=10").memory == fit("optim.micro_batch_tokens=9216").memory


def test_stage_offload_and_type_of_the_ranks_are_counted():
    plain = fit().memory
    assert [fit(f"backend.deepspeed.zero_stage={stage}").unfit is None for stage in (1, 2, 3)] == [False, False, True]
    assert fit("backend.deepspeed.offload=true").memory.states < plain.states - 12e9
    wide = fit("backend.deepspeed.dtype=float32").memory
    assert wide.states > plain.states
    assert wide.activations > 1.9 * plain.activations


def test_ranks_and_not_gpus_share_the_states():
    apart = ("backend.colocated=false", "backend.num_gpus=16")
    found = fit(*apart, cluster="16xH100")
    assert found.memory.states == fit().memory.states
    assert found.memory.sampling == found.memory.sampler == pytest.approx(0.6 * 80e9)


def test_a_reference_model_is_held_beside_the_policy():
    plain, compared = fit(), fit("+tricks.kl_loss={}")
    assert compared.memory.training - plain.memory.training == 2 * SHAPES["Qwen/Qwen3-8B"].parameters / 8
    assert compared.memory.sampling > plain.memory.sampling
    whole = fit("+tricks.kl_loss={}", "backend.deepspeed.zero_stage=2").memory
    assert whole.reference == 2 * SHAPES["Qwen/Qwen3-8B"].parameters


def test_weights_are_split_over_the_gpus_that_the_run_names():
    apart = ("model.path=Qwen/Qwen3-32B", "backend.colocated=false", "backend.num_gpus=16")
    one, four = (
        fit(*apart, f"backend.vllm.engines={8 // parts}", f"backend.vllm.tensor_parallel={parts}", cluster="16xH100")
        for parts in (1, 4)
    )
    assert one.memory.cached == 0
    assert four.memory.cached > 9216
    assert one.memory.served == 4 * four.memory.served


def test_engines_of_four_bytes_hold_twice_the_weights():
    assert fit("backend.vllm.dtype=float32").memory.served == 2 * fit().memory.served


def test_a_learner_of_one_process_holds_all_states():
    found = fit("backend=gpu_small", "backend.deepspeed=null", model="qwen3_0_6b_base", cluster="1xH100")
    assert found.memory.states == 18 * SHAPES["Qwen/Qwen3-0.6B"].parameters


@pytest.mark.parametrize("backend", ["backend=laptop", "backend=cpu_engines"])
def test_a_run_without_engines_for_gpus_is_counted_by_assumptions(backend):
    found = fit(backend, cluster="8xA6000")
    assert found.memory.states == 2 * SHAPES["Qwen/Qwen3-8B"].parameters
    assert found.memory.sampler < 0.6 * 48e9  # what is left
    assert found.unfit is None


@pytest.mark.parametrize(
    ("overrides", "cluster", "nearest"),
    [
        ((), "8xA6000", "backend.vllm.gpu_memory=0.5"),
        (("backend.deepspeed.zero_stage=1",), "8xH100", "backend.deepspeed.zero_stage=3"),
        (("optim.gradient_checkpointing=false",), "8xH100", "optim.gradient_checkpointing=true"),
        (("optim.micro_batch_tokens=131072",), "8xH100", "optim.micro_batch_tokens=65536"),
        (("backend.vllm.gpu_memory=0.2",), "8xH100", "backend.vllm.gpu_memory=0.25"),
        (("model.path=Qwen/Qwen3-30B-A3B",), "8xH100", "backend.vllm.gpu_memory=0.8, backend.deepspeed.offload=true"),
    ],
)
def test_the_nearest_settings_that_would_fit_are_named(overrides, cluster, nearest):
    found = fit(*overrides, cluster=cluster)
    assert found.unfit
    assert found.instead[0] == nearest
    again = fit(*overrides, *nearest.split(", "), cluster=cluster)
    assert again.unfit is None


@pytest.mark.parametrize("cluster", ["4xH100", "8xA6000", "1xH100"])
@pytest.mark.parametrize("path", ["Qwen/Qwen3-4B", "Qwen/Qwen3-8B", "Qwen/Qwen3-14B", "Qwen/Qwen3-32B"])
@pytest.mark.parametrize("rule", [(), ("+tricks.kl_loss={}",)])
def test_all_that_is_proposed_is_a_layout_and_fits(cluster, path, rule):
    found = fit(*rule, f"model.path={path}", cluster=cluster)
    assert (found.unfit is None) == (not found.instead)
    for proposed in found.instead:
        other, _, settings = proposed.rpartition(" with ") if "=" in proposed else (proposed, "", "")
        changed = (*rule, f"model.path={path}", *filter(None, settings.split(", ")))
        plan_layout(config(*changed).backend)
        where = parse_cluster(other or cluster)
        assert config(*changed).backend.num_gpus == where.gpus
        assert gpu_cost(config(*changed), where, NONE).unfit is None


def test_more_gpus_of_another_kind_are_proposed_too():
    more, other = fit(cluster="8xA6000").instead[1:]
    assert more == "2x8xA6000 with backend.num_gpus=16, backend.vllm.engines=16, backend.deepspeed.ranks=16"
    assert other == "8xH100"


def test_on_fewer_gpus_than_it_asks_for_a_run_is_a_smaller_one():
    found = fit(cluster="4xH100")
    assert found.memory.states == pytest.approx(2 * fit().memory.states, rel=0.05)
    assert found.instead[1] == "8xH100"  # what its settings say


def test_what_fits_nowhere_has_no_proposal():
    found = fit("model.path=Qwen/Qwen3-235B-A22B")
    assert found.unfit.startswith("training needs")
    assert found.instead == ()


def test_a_model_without_a_known_shape_has_no_cost():
    assert gpu_cost(load_config("model.path=someone/unheard-of", *PAPER), NODE, NONE) is None


def test_recorded_runs_of_planned_cells_correct_the_model():
    planned = config()
    model = GpuSpeed.of([], {}, NODE).cost(planned).seconds
    ran = replace(record(), run_id="x-s0", cell_id="x", wall_seconds=2 * model, scores={})
    elsewhere = replace(ran, run_id="y-s0", cell_id="y", wall_seconds=1.0)
    speed = GpuSpeed.of([ran, elsewhere], {"x": planned}, NODE)
    assert speed.runs == 1
    assert speed.pace == pytest.approx(2.0)
    assert speed.cost(planned).seconds == pytest.approx(2 * model)
    assert speed.source == "from 1 recorded run, assumed to hold for this cluster"


def test_dynamic_sampling_is_expected_to_draw_twice_unless_recorded():
    speed = GpuSpeed.of([], {}, NODE)
    assert speed.draws == REDRAWN
    plain, dynamic = (speed.cost(config(*more)).step for more in ((), ("+tricks.dynamic_sampling={}",)))
    assert dynamic.generation > plain.generation
    assert dynamic.update == pytest.approx(plain.update)
