from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from harness.common.schema import SchemaError
from harness.config.experiment import load_config
from harness.engines.base.protocols import Decoding
from harness.engines.vllm import validate as vllm_fit
from harness.engines.vllm.engine import build_arguments, prepare_environment
from harness.engines.vllm.validate import refuse_missing_vllm, refuse_request, refuse_unfit_model
from harness.models.locate import WEIGHTS_FOLDER

FOLDER = str(WEIGHTS_FOLDER / "large_base")


@pytest.fixture
def settings() -> Any:
    return load_config("backend=cpu_engines").backend.vllm


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that may be written to."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


def test_a_part_of_a_gigabyte_is_a_cache_too(settings: Any) -> None:
    assert build_arguments(FOLDER, settings, 256, on_gpu=False, sleeps=False)["kv_cache_memory_bytes"] == 2**28


def test_a_step_on_a_cpu_takes_the_longest_prompt_whole(settings: Any) -> None:
    told = build_arguments(FOLDER, settings, 10_000, on_gpu=False, sleeps=False)
    assert not told["enable_chunked_prefill"]
    assert told["max_num_batched_tokens"] == 10_000


def test_on_a_gpu_memory_is_a_share_and_sleep_and_nccl_are_asked_for() -> None:
    settings = load_config("backend=gpu").backend.vllm
    assert settings is not None
    told = build_arguments("Qwen/Qwen3-4B", replace(settings, sync="nccl"), 9216, on_gpu=True, sleeps=True)
    assert told["gpu_memory_utilization"] == settings.gpu_memory
    assert told["enable_sleep_mode"]
    assert told["weight_transfer_config"] == {"backend": "nccl"}
    assert "kv_cache_memory_bytes" not in told
    assert "weight_transfer_config" not in build_arguments(
        "Qwen/Qwen3-4B", replace(settings, sync="object_store"), 9216, on_gpu=True, sleeps=False
    )


def test_log_probs_are_asked_for_as_drawn_and_habits_of_the_model_left_out(settings: Any) -> None:
    told = build_arguments(FOLDER, settings, 256, on_gpu=False, sleeps=False)
    assert (told["logprobs_mode"], told["generation_config"]) == ("processed_logprobs", "vllm")


def test_the_environment_is_the_engines_own(settings: Any, environment: None) -> None:
    os.environ |= {"VLLM_CPU_KVCACHE_SPACE": "40", "VLLM_LOGGING_LEVEL": "INFO"}
    prepare_environment(FOLDER, replace(settings, tensor_parallel=2), on_gpu=False)
    assert os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["TORCHDYNAMO_DISABLE"] == "1"
    assert os.environ["VLLM_LOGGING_LEVEL"] == "INFO"  # of whoever looks for a fault
    assert "VLLM_CPU_KVCACHE_SPACE" not in os.environ
    assert os.environ["VLLM_CPU_OMP_THREADS_BIND"].count("|") == 1


def test_a_model_of_the_hub_may_be_fetched(settings: Any, environment: None) -> None:
    os.environ.pop("HF_HUB_OFFLINE", None)
    prepare_environment("Qwen/Qwen3-4B", settings, on_gpu=True)
    assert "HF_HUB_OFFLINE" not in os.environ


def test_without_vllm_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_fit, "find_spec", lambda name: None)
    with pytest.raises(SchemaError, match=r"vLLM is not installed; make setup EXTRA=gpu, or EXTRA=cpu_engines"):
        refuse_missing_vllm()


def test_more_tokens_than_places_are_refused_with_the_settings() -> None:
    with pytest.raises(SchemaError, match=r"rollout\.max_response_length allow 513 tokens in total, .* 512 positions"):
        refuse_unfit_model(FOLDER, 513, on_gpu=True)
    refuse_unfit_model(FOLDER, 512, on_gpu=True)


def test_a_temperature_that_vllm_would_raise_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"temperature 0\.001: vLLM samples at 0\.01 at least, or greedily at 0"):
        refuse_request([[5]], Decoding(1, 8, 0.001), 64)
    for temperature in (0.0, 0.01, 1.0):
        refuse_request([[5]], Decoding(1, 63, temperature), 64)
