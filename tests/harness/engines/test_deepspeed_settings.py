from __future__ import annotations

import subprocess
import sys

import pytest

from harness.common.schema import SchemaError
from harness.config.experiment import load_config
from harness.engines.deepspeed import settings as deepspeed_settings
from harness.engines.deepspeed.settings import build_reference_settings, build_training_settings, refuse_deepspeed

CPU, GPU = "backend=cpu_engines", "backend=gpu"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deepspeed_settings, "find_spec", lambda name: object())


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ((CPU, "backend.deepspeed.offload=true"), r"offload: without GPUs, .* set it to false"),
        ((GPU, "backend.deepspeed.offload=true", "backend.deepspeed.zero_stage=0"), r"zero_stage: without ZeRO"),
        (
            (
                GPU,
                "backend.deepspeed.offload=true",
                "backend.deepspeed.zero_stage=0",
                "backend.deepspeed.dtype=float32",
            ),
            r"offload: only ZeRO .* set zero_stage to 1, 2 or 3",
        ),
        (
            (CPU, "backend.deepspeed.zero_stage=0", "backend.deepspeed.dtype=bfloat16"),
            r"zero_stage: .* gradients in bfloat16; set it to 1, 2 or 3, or backend.deepspeed.dtype=float32",
        ),
    ],
)
@pytest.mark.usefixtures("installed")
def test_what_ranks_cannot_do_is_refused(overrides: tuple[str, ...], reason: str) -> None:
    with pytest.raises(SchemaError, match=rf"^backend.deepspeed.{reason}"):
        refuse_deepspeed(load_config(*overrides))


@pytest.mark.parametrize(("backend", "extra"), [(CPU, "cpu_engines"), (GPU, "gpu")])
def test_without_deepspeed_the_way_to_it_is_said(backend: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deepspeed_settings, "find_spec", lambda name: None)
    with pytest.raises(SchemaError, match=rf"DeepSpeed is not installed; make setup EXTRA={extra}, or "):
        refuse_deepspeed(load_config(backend))


@pytest.mark.parametrize(
    "overrides",
    [
        (CPU,),
        (GPU,),
        ("backend=gpu_small",),
        ("backend=laptop",),
        (GPU, "backend.deepspeed.offload=true"),
        (CPU, "+tricks.kl_loss={}"),
        (CPU, "rollout.prompts_per_batch=1", "rollout.group_size=1", "optim.updates_per_rollout=1", "preset=reinforce"),
    ],
)
@pytest.mark.usefixtures("installed")
def test_what_they_can_do_is_not(overrides: tuple[str, ...]) -> None:
    refuse_deepspeed(load_config(*overrides))


def test_deepspeed_is_told_what_the_settings_say() -> None:
    told = build_training_settings(
        load_config(GPU, "backend.deepspeed.offload=true", "optim.max_grad_norm=0.5"), 10**10, 4096
    )
    assert told["bf16"] == {"enabled": True}
    assert told["gradient_clipping"] == 0.5
    zero = told["zero_optimization"]
    assert (zero["stage"], zero["offload_optimizer"]["device"]) == (3, "cpu")
    assert zero["reduce_bucket_size"] == 500_000_000
    assert zero["stage3_param_persistence_threshold"] == 40_960
    small = build_training_settings(load_config(CPU, "backend.deepspeed.zero_stage=0"), 1000, 128)
    assert small["gradient_clipping"] == 0.0  # the learner clips, and knows the norm
    assert small["zero_optimization"]["reduce_bucket_size"] == 1000
    assert "offload_optimizer" not in small["zero_optimization"]


def test_a_reference_is_spread_and_has_no_optimizer() -> None:
    told = build_reference_settings(load_config(CPU), 128)
    assert told["zero_optimization"]["stage"] == 3
    assert "offload_optimizer" not in told["zero_optimization"]


def test_the_controllers_half_does_not_import_deepspeed() -> None:
    code = "import sys, harness.engines.deepspeed.learner; print('deepspeed' in sys.modules, 'vllm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
