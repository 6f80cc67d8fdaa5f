"""A run that is cut after every single step and taken up again leaves the very bits of one that was not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.data_folder import data_folder
from tests.harness.byte_model import save_byte_model
from tests.harness.checkpoint.runs import advance, checkpoints, finish, result, spec
from tests.tiers import first, only
from tricks.presets import PRESETS


def cut_and_whole(folder: Path, *overrides: str) -> tuple[dict[str, object], dict[str, object]]:
    chosen = spec(*overrides)
    assert finish(chosen, folder / "whole") == [0, 1, 2, 3]
    for step in range(3):
        advance(chosen, folder / "cut", step)
    assert finish(chosen, folder / "cut") == [0, 1, 2, 3]
    return result(folder / "cut"), result(folder / "whole")


# Spare prompts of dynamic sampling, and none. A reference model is in test_the_weights_of_a_reference_... below.
@pytest.mark.parametrize("preset", only(["dapo", "liteppo"], sorted(PRESETS)))
def test_every_preset(preset: str, tmp_path: Path) -> None:
    cut, whole = cut_and_whole(tmp_path, f"preset={preset}")
    assert cut == whole


@pytest.mark.parametrize(
    "overrides",
    first(
        2,
        [
            ("preset=grpo", "optim.epochs=2", "optim.weight_decay=0.1"),
            ("preset=dapo", "rollout.ahead=1"),
            ("preset=grpo", "model.dtype=bfloat16"),
            ("preset=grpo", "+tricks.kl_reward={}", "+tricks.entropy_bonus={}"),
            ("preset=liteppo", "backend=hf", "eval.every=0"),
            ("preset=dapo", "model=large_aligned", "data=arithmetic_easy", "optim.micro_batch_tokens=100"),
        ],
    ),
    ids=["two epochs", "ahead", "bfloat16", "reference and entropy", "hugging face", "another model, micro-batches"],
)
def test_what_a_run_may_hold(overrides: tuple[str, ...], tmp_path: Path) -> None:
    cut, whole = cut_and_whole(tmp_path, *overrides)
    assert cut == whole


def test_the_weights_of_a_reference_are_those_of_the_beginning(tmp_path: Path) -> None:
    """At step 3 a reference made from resumed weights would be two steps old, and its divergence smaller."""
    fast = ("preset=reinforce_pp_baseline", "optim.lr=1e-2", "optim.warmup_steps=0")
    cut, whole = cut_and_whole(tmp_path, *fast)
    assert cut == whole


def test_spare_prompts_go_on_where_they_were(tmp_path: Path) -> None:
    chosen = spec("preset=dapo")
    advance(chosen, tmp_path, 2)
    position = json.loads((tmp_path / "checkpoints" / "step-000002" / "position.json").read_text())
    assert position["steps"] == 2
    assert position["tasks"] == 8
    assert position["spares"] > 0


@pytest.mark.slow
def test_problems_of_a_tier_go_on_where_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(data_folder()))
    real = (
        f"model.path={save_byte_model(tmp_path / 'bytes')}",
        "model.prompt_form=chat",
        "data=math_easy",
        "preset=dapo",
        "eval.benchmarks=[gsm8k]",
        "eval.max_response_length=4",
        "rollout.max_response_length=6",
        "rollout.max_prompt_length=400",
    )
    cut, whole = cut_and_whole(tmp_path, *real)
    assert cut == whole


def test_without_interruption_checkpoints_change_nothing(tmp_path: Path) -> None:
    for name, every in (("with", 1), ("without", 0)):
        finish(spec("preset=dapo", f"checkpoint.every={every}"), tmp_path / name)
    kept, none = result(tmp_path / "with"), result(tmp_path / "without")
    for found in (kept, none):
        del found["record"]["config"]["checkpoint"]
    assert kept == none


def test_the_newest_ones_are_kept_until_the_end(tmp_path: Path) -> None:
    chosen = spec("steps=5", "checkpoint.keep=2")
    advance(chosen, tmp_path, 4)
    assert checkpoints(tmp_path) == ["step-000003", "step-000004"]
    finish(chosen, tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def test_seconds_go_on_and_the_curve_is_whole(tmp_path: Path) -> None:
    chosen = spec()
    advance(chosen, tmp_path, 2)
    spent = tmp_path / "checkpoints" / "step-000002" / "spent.json"
    before = json.loads(spent.read_text())
    (tmp_path / "metrics.jsonl").write_text("cut off in the mid")
    finish(chosen, tmp_path)
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["wall_seconds"] > before["wall_seconds"] > 0
    assert record["cpu_seconds"] > before["cpu_seconds"] > 0
    assert [line["step"] for line in result(tmp_path)["metrics"]] == [0, 1, 2, 3]
