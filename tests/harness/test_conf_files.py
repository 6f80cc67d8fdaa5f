"""Every file of harness/conf is a choice that composes and passes the schema."""

from __future__ import annotations

from pathlib import Path

import pytest

import harness
from harness.common.schema import build_dataclass
from harness.config.compose import compose_config
from harness.config.experiment import ExperimentConfig, load_config

CONF = Path(harness.__file__).parent / "conf"
CHOICES = sorted(f"{path.parent.name}={path.stem}" for path in CONF.glob("*/*.yaml"))


@pytest.mark.parametrize("choice", CHOICES)
def test_the_choice_composes(choice: str) -> None:
    config = build_dataclass(ExperimentConfig, compose_config([choice]), "")
    assert config.steps == 30


@pytest.mark.parametrize(
    ("model", "name", "tokens"),
    [
        ("qwen3_4b", "8k", 8192),
        ("qwen3_4b_base", "8k", 8192),
        ("qwen3_8b", "16k", 16384),
        ("qwen3_8b_base", "20k", 20480),
    ],
)
def test_long_contexts_of_the_paper_are_whole_configurations(model: str, name: str, tokens: int) -> None:
    config = load_config(
        f"model={model}", f"rollout={name}", "optim=paper", "data=math_hard", "eval=paper", "preset=liteppo"
    )
    assert config.rollout.max_response_length == tokens
    assert (config.rollout.prompts_per_batch, config.rollout.group_size) == (128, 8)
    assert (config.rollout.temperature, config.rollout.top_p, config.rollout.top_k) == (0.99, 0.99, 100)
    assert (config.optim.lr, config.optim.warmup_steps, config.optim.weight_decay) == (1e-6, 50, 0)
    assert config.model.dtype == "bfloat16"
    assert config.model.thinking is (None if model.endswith("base") else True)
