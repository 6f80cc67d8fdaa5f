"""The predicted names of scores are those that real runs record, so that neither can change without the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.config.experiment import load_config
from harness.records.record import suggest_scores
from harness.rollouts.metrics import METRICS
from harness.training.run import FinishedRun, RunSpec, execute_run
from harness.training.scores import predict_score_names
from tests.data_folder import data_folder
from tests.harness.byte_model import save_byte_model

if TYPE_CHECKING:
    from pathlib import Path

SMALL = (
    "steps=2",
    "rollout.prompts_per_batch=4",
    "rollout.group_size=4",
    "rollout.max_response_length=24",
    "eval.problems=2",
    "eval.samples=2",
)
MATH = (
    "model.prompt_form=chat",
    "data=math_easy",
    "eval=smol",
    "eval.problems=2",
    "backend=hf",
    "rollout.max_prompt_length=2048",
    "eval.max_response_length=8",
    "steps=1",
)
RUNS = {
    "plain": (),
    "reference": ("preset=reinforce_pp_baseline", "+tricks.entropy_bonus={}"),
    "dynamic sampling": ("preset=dapo",),
    "nothing to learn from": ("preset=dapo", "+tricks.dynamic_sampling={rounds: 1, at_cap: short}", "steps=1"),
    "one sample": ("eval.samples=1",),
    "one problem": ("eval.problems=1", "data=arithmetic_easy"),
    "a filter": ("preset=grpo", "tricks.overlong_filter={}"),
    "two updates": ("preset=liteppo", "optim.updates_per_rollout=2", "optim.epochs=2"),
    "evaluations on the way": ("steps=3", "eval.every=1"),
    "an evaluation at the end that is due anyway": ("steps=2", "eval.every=2"),
    "no step": ("steps=0",),
    "sampling ahead": ("rollout.ahead=1",),
    "hugging face": ("backend=hf",),
    "top-p": ("rollout.top_p=0.9",),
    "one's own reward": ("reward.function=tests.harness.rewards.share:digits",),
}


def recorded(folder: Path, *overrides: str) -> tuple[set[str], set[str], set[str]]:
    """What a run records, and what was certain and possible beforehand."""
    config = load_config(*SMALL, *overrides)
    *_, last = execute_run(RunSpec("tests", "laptop", {}, config, {"commit": "c0ffee"}), folder)
    assert isinstance(last, FinishedRun)
    names = predict_score_names(config)
    return set(last.record.scores), set(names.certain), set(names.possible)


@pytest.mark.parametrize("overrides", RUNS.values(), ids=RUNS)
def test_a_run_records_the_scores_that_are_predicted(overrides: tuple[str, ...], tmp_path: Path) -> None:
    found, certain, possible = recorded(tmp_path, *overrides)
    assert certain <= found
    assert found <= certain | possible
    assert not certain & possible


def test_of_the_possible_scores_only_those_of_right_and_of_truncated_responses_are_missing(tmp_path: Path) -> None:
    found, certain, possible = recorded(tmp_path)
    missing = (certain | possible) - found
    assert all(name.startswith("train/response/") and name.endswith(("_right", "_wrong")) for name in missing)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_reward_function_and_a_file_of_one_s_own_have_their_scores(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graded.py").write_text("def reward(problem, answer, response):\n    return 0.5\n")
    lines = [f'{{"problem": "{number}+10=", "answer": "{number + 10}"}}' for number in range(rows)]
    (tmp_path / "asked.jsonl").write_text("\n".join(lines))
    own = ("reward.function=graded:reward", "eval.benchmarks=[file:asked.jsonl]", "eval.problems=null")
    found, certain, possible = recorded(tmp_path / "run", *own)
    assert certain <= found <= certain | possible
    assert {"final/score", "final/asked/score", "start/score"} <= certain
    assert ("final/score/se" in certain) is (rows > 1)


@pytest.mark.parametrize("samples", [(), ("+eval.samples_of.gsm8k=4",)], ids=["one k", "several k"])
def test_several_benchmarks_have_their_own_names(
    samples: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(data_folder()))
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    model = save_byte_model(tmp_path / "model")
    found, certain, possible = recorded(tmp_path / "run", f"model.path={model}", *MATH, *samples)
    assert certain <= found <= certain | possible
    assert "final/math500/avg@2" in certain
    assert ("final/pass@2" in certain) is (not samples)


def test_every_metric_of_training_is_a_score_or_is_known_not_to_be() -> None:
    names = predict_score_names(load_config(*SMALL)).all
    others = {name for name in METRICS if f"train/{name}" not in names}
    assert others == {
        name
        for name in METRICS
        if name.startswith(("eval/", "seconds/", "fired/", "parity/")) or name in {"tokens_per_second", "data/unknown"}
    }


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("final/acuracy", "final/accuracy"),
        ("eval/accuracy", "final/accuracy"),
        ("final/pass@16", "final/pass@2"),
        ("final/math500/avg@8", "final/arithmetic/avg@2"),
        ("Final/Accuracy", "final/accuracy"),
        ("cost/token", "cost/tokens"),
        ("train/entropy", "train/policy/entropy"),
        ("policy/entropy", "train/policy/entropy"),
        ("final/accuracy/stderr", "final/accuracy/se"),
        ("accuracy", "final/accuracy"),
    ],
)
def test_the_nearest_names_hold_the_one_that_was_meant(wrong: str, right: str) -> None:
    assert repr(right) in suggest_scores(wrong, predict_score_names(load_config(*SMALL)).all)
