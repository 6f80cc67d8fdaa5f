"""TRL's options as rules: what a configuration computes at a release, its faults, and what cannot act."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tricks.frameworks.tables import Option
from tricks.frameworks import explain_options, find_framework

TABLE = find_framework("trl")


def explain(release: str, **options: Any) -> Any:
    return explain_options(TABLE, release, [Option(name, value) for name, value in options.items()])


def faults(release: str, **options: Any) -> set[str]:
    return {fault.name for fault in explain(release, **options).faults}


@pytest.mark.parametrize(
    ("release", "by_default", "told_not_to"),
    [("0.21.0", "group_norm", None), ("0.22.1", "group_mean", "group_norm"), ("0.22.2", "group_norm", "group_mean")],
)
def test_scale_rewards_means_the_contrary_in_two_releases(
    release: str, by_default: str, told_not_to: str | None
) -> None:
    assert by_default in explain(release).tricks
    if told_not_to:
        assert told_not_to in explain(release, scale_rewards="none").tricks
        assert ("scale_rewards_inverted" in faults(release)) == (release == "0.22.1")


@pytest.mark.parametrize(
    ("release", "mean", "kl"),
    [
        ("0.15.2", {"sequence_mean": {}}, {"kl_loss": {"coef": 0.04}}),
        ("0.18.2", {"token_mean": {"scope": "micro_batch"}}, {"kl_loss": {"coef": 0.04}}),
        ("0.21.0", {"token_mean": {"scope": "micro_batch"}}, {}),
        ("1.16.0", {"token_mean": {}}, {}),
    ],
)
def test_the_defaults_of_a_release(release: str, mean: dict[str, Any], kl: dict[str, Any]) -> None:
    tricks = explain(release).tricks
    assert {name: tricks[name] for name in (*mean, *kl)} == mean | kl
    assert ("kl_loss" in tricks) == bool(kl)


def test_the_kl_is_multiplied_by_the_ratio_from_1_10_0_on() -> None:
    assert explain("1.9.2", beta=0.1).tricks["kl_loss"] == {"coef": 0.1, "gradient": "own"}
    assert explain("1.10.0", beta=0.1).tricks["kl_loss"] == {"coef": 0.1, "gradient": "ratio"}


def test_samples_of_vllm_are_corrected_by_default() -> None:
    assert "truncated_is" not in explain("1.16.0").tricks
    found = explain("1.16.0", use_vllm=True).tricks["truncated_is"]
    assert found == {"level": "sequence", "outside": "drop", "floor": 0.0, "cap": 3.0}
    assert explain("0.24.0", use_vllm=True).tricks["truncated_is"]["cap"] == 2.0


def test_steps_per_generation_scales_the_gradient_up_to_1_9_0() -> None:
    options = {"gradient_accumulation_steps": 32, "steps_per_generation": 8}
    assert "divisor_of_the_generation_batch" in faults("1.9.0", **options)
    assert "divisor_of_the_generation_batch" not in faults("1.9.0", **options, loss_type="grpo")
    assert "divisor_of_the_generation_batch" not in faults("1.9.1", **options)
    assert any("no clip can bind" in sentence for sentence in explain("1.9.1", **options).idle)


def test_0_14_0_counts_prompts_and_later_releases_count_responses() -> None:
    options = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "num_generations": 4}
    assert explain("0.14.0", **options).loop["prompts_per_batch"] == 8
    assert explain("0.15.0", **options).loop["prompts_per_batch"] == 2


def test_an_expression_in_place_of_a_number_is_no_error() -> None:
    assert "top_k" not in explain("1.16.0", top_k="args.top_k").loop
