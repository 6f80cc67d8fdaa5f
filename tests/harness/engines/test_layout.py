"""Who stands where, for the backends of the project and for what does not come out even."""

from dataclasses import replace

import pytest

from harness.common.schema import SchemaError, build_dataclass
from harness.config.compose import compose_config
from harness.config.engines import BackendConfig, plan_layout


def backend(option, *overrides):
    return build_dataclass(BackendConfig, compose_config([f"backend={option}", *overrides])["backend"])


def test_a_run_on_pytorch_is_one_bundle():
    found = plan_layout(backend("laptop"))
    assert found.bundles == ({"CPU": 1.0},)
    assert not found.engines
    assert not found.ranks


def test_eight_engines_and_eight_ranks_take_turns_on_eight_gpus():
    found = plan_layout(backend("gpu"))
    assert found.bundles == ({"CPU": 2.0, "GPU": 1.0},) * 8
    assert [place.bundle for place in found.engines] == [place.bundle for place in found.ranks] == list(range(8))
    assert all(place.gpus == 0.5 for place in (*found.engines, *found.ranks))


def test_apart_each_has_its_own():
    chosen = (
        "backend.colocated=false",
        "backend.num_gpus=12",
        "backend.vllm.engines=2",
        "backend.vllm.tensor_parallel=2",
    )
    found = plan_layout(backend("gpu", *chosen))
    assert [bundle["GPU"] for bundle in found.bundles] == [1.0] * 8 + [2.0] * 2
    assert [place.bundle for place in found.engines] == [8, 9]
    assert found.total("GPU") == 12
    assert found.total("CPU") == pytest.approx(16)


@pytest.mark.parametrize("option", ["laptop", "hf", "gpu", "gpu_small", "cpu_engines"])
def test_no_bundle_is_asked_for_more_than_it_holds(option):
    chosen = backend(option)
    found = plan_layout(chosen)
    assert found.total("CPU") == pytest.approx(chosen.num_cpus)
    assert found.total("GPU") == chosen.num_gpus
    for index, bundle in enumerate(found.bundles):
        here = [place for place in (*found.engines, *found.ranks) if index == place.bundle]
        assert sum(place.gpus for place in here) <= bundle.get("GPU", 0)
        assert sum(place.cpus for place in here) <= bundle["CPU"] + 1e-9


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["backend.num_gpus=4"], r"backend.num_gpus=4: 8 learners and 8 devices of engines need 8"),
        (["backend.deepspeed.ranks=4"], r"4 learners and 8 devices of engines cannot take turns"),
        (["backend.colocated=false"], r"backend.num_gpus=8: .* need 16 with backend.colocated=false"),
        (["backend.vllm.sync=nccl"], r"vllm.sync: NCCL cannot connect two processes on one GPU"),
        (["backend.vllm.engines=4", "backend.vllm.tensor_parallel=2"], r"an engine over 2 GPUs cannot share them"),
    ],
)
def test_what_does_not_come_out_even_is_refused(overrides, reason):
    with pytest.raises(SchemaError, match=reason):
        plan_layout(backend("gpu", *overrides))


def test_nccl_without_gpus_is_refused():
    with pytest.raises(SchemaError, match=r"vllm.sync: NCCL needs GPUs for DeepSpeed's ranks"):
        plan_layout(backend("cpu_engines", "backend.colocated=false", "backend.vllm.sync=nccl"))


def test_nccl_without_ranks_is_refused():
    chosen = backend("gpu_small", "backend.colocated=false", "backend.num_gpus=2")
    assert chosen.vllm
    with pytest.raises(SchemaError, match=r"vllm.sync: NCCL needs GPUs for DeepSpeed's ranks"):
        plan_layout(replace(chosen, deepspeed=None, vllm=replace(chosen.vllm, sync="nccl")))


def test_ranks_without_engines_are_refused():
    with pytest.raises(SchemaError, match=r"backend.deepspeed: .* set backend.vllm too"):
        plan_layout(replace(backend("gpu"), vllm=None))


def test_vllm_beside_pytorch_needs_a_device_for_each():
    chosen = replace(backend("gpu_small"), deepspeed=None)
    assert not plan_layout(chosen).ranks
    assert plan_layout(chosen).controller.gpus == 0.5
    assert plan_layout(replace(chosen, colocated=False, num_gpus=2)).total("GPU") == 2
