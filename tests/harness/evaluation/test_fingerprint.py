from __future__ import annotations

from harness.config.experiment import load_config
from harness.evaluation.report import name_evaluation


def name(*overrides: str) -> str:
    return name_evaluation(load_config("model=large_base", *overrides), [])


def test_engines_and_their_settings_are_another_evaluation() -> None:
    names = {
        name("backend=hf"),
        name("backend=cpu_engines"),
        name("backend=cpu_engines", "backend.vllm.dtype=bfloat16"),
        name("backend=laptop"),
    }
    assert len(names) == 4


def test_where_it_runs_is_not() -> None:
    assert name("backend=hf") == name("backend=hf", "backend.num_cpus=2")
