"""A run whose numbers are no longer finite ends in one sentence, with a record and an honest state in MLflow."""

from __future__ import annotations

import pickle
import shutil
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import torch
from ray.exceptions import RayTaskError
from safetensors.torch import load_file, save_file

from harness.__main__ import main
from harness.config.experiment import load_config
from harness.engines.base.divergence import Diverged, add_step_to_error, refuse_not_finite
from harness.engines.base.protocols import Decoding
from harness.engines.base.remote import EngineError, ParityError
from harness.engines.base.sampling import sample_tokens
from harness.evaluation.command import run_command
from harness.models.errors import ModelError
from harness.models.locate import WEIGHTS_FOLDER
from harness.records.record import RunRecord
from harness.tracking.store import Store
from harness.training.loop import StepReport
from harness.training.run import RunSpec, execute_run
from harness.training.single import run_single
from sweeps.launch.events import Failure
from sweeps.launch.inline import launch_inline
from sweeps.launch.retry import is_arm_failure
from sweeps.launch.scheduler import explain_task_end
from sweeps.plan.plan import make_plan
from tests.harness.engines.learners import learner, plain_signal, rule
from tests.harness.engines.policies import qwen3, random_samples
from tests.sweeps import drivers
from tests.sweeps.grids import grid
from tricks.rule import UpdateRule

if TYPE_CHECKING:
    from pathlib import Path
from shutil import copyfile

SMALL = (
    "preset=grpo",
    "model=small_aligned",  # which is right now and then, so that the first step has a gradient
    "steps=3",
    "rollout.prompts_per_batch=4",
    "rollout.group_size=8",
    "eval.problems=2",
    "eval.samples=2",
)
HUGE = "optim.lr=1e30"  # a single update makes weights of 1e30, whose products overflow
ONE_UPDATE = "optim.updates_per_rollout=1"
DECODINGS = {
    "greedy": Decoding(1, 4, 0.0),
    "all tokens": Decoding(1, 4, 1.0),
    "top p": Decoding(1, 4, 1.0, 0.9),
    "top k": Decoding(1, 4, 1.0, 1.0, 3),
}


def spec(*overrides: str) -> RunSpec:
    return RunSpec("tests", "laptop", {}, load_config(*SMALL, *overrides), {"commit": "c0ffee"})


def followed(folder: Path, *overrides: str) -> tuple[list[int], str]:
    """The steps that were reported, and the sentence that the run ended with."""
    steps: list[int] = []
    with pytest.raises(Diverged) as caught:
        steps.extend(item.step for item in execute_run(spec(*overrides), folder) if isinstance(item, StepReport))
    return steps, str(caught.value)


def test_infinite_values_and_those_that_are_no_numbers_are_counted_where_they_matter() -> None:
    values, mask = torch.tensor([[0.0, torch.inf, -torch.inf], [torch.nan, 1.0, torch.nan]]), torch.ones(2, 3).bool()
    mask[1, 2] = False
    with pytest.raises(Diverged, match="^the log-probs are not finite on 3 of 5 sampled tokens$"):
        refuse_not_finite(values, mask, "the log-probs")
    refuse_not_finite(values, values.isfinite(), "the log-probs")


@pytest.mark.parametrize("decoding", DECODINGS.values(), ids=DECODINGS)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("vocabulary", [8, 5000])
def test_no_token_is_drawn_from_logits_that_are_not_finite(decoding: Decoding, value: float, vocabulary: int) -> None:
    logits = torch.randn(3, vocabulary)
    logits[1, 5] = value
    with pytest.raises(Diverged, match="the logits of the next token are not finite"):
        sample_tokens(logits, torch.tensor([0.1, 0.5, 0.9]), decoding)


@pytest.mark.parametrize("decoding", DECODINGS.values(), ids=DECODINGS)
def test_a_token_that_is_ruled_out_is_no_divergence(decoding: Decoding) -> None:
    logits = torch.randn(3, 8)
    logits[:, 5] = -torch.inf
    sampled = sample_tokens(logits, torch.tensor([0.1, 0.5, 0.9]), decoding)
    assert sampled.log_probs.isfinite().all()
    assert not (sampled.ids == 5).any()


def test_the_step_and_the_setting_are_named(tmp_path: Path) -> None:
    steps, sentence = followed(tmp_path, HUGE)
    assert steps == [0]
    assert sentence.startswith("step 1: the log-probs of the policy are not finite on ")
    assert sentence.endswith("lower optim.lr=1e+30 or raise optim.warmup_steps=0")
    assert "\n" not in sentence


def test_sampling_from_what_has_diverged_is_a_divergence(tmp_path: Path) -> None:
    steps, sentence = followed(tmp_path, HUGE, ONE_UPDATE)
    assert (steps, sentence.partition(";")[0]) == ([0, 1], "step 2: the logits of the next token are not finite")


def test_the_final_evaluation_finds_it_too(tmp_path: Path) -> None:
    steps, sentence = followed(tmp_path, HUGE, ONE_UPDATE, "steps=1")
    assert (steps, sentence.partition(";")[0]) == ([0], "step 1: the logits of the next token are not finite")


def test_sampling_ahead_finds_it_too(tmp_path: Path) -> None:
    _, sentence = followed(tmp_path, HUGE, ONE_UPDATE, "rollout.ahead=1")
    assert "are not finite" in sentence


@pytest.mark.parametrize("backend", ["laptop", "hf"])
def test_weights_that_are_infinite_end_the_update(backend: str, tmp_path: Path) -> None:
    _, sentence = followed(tmp_path, "optim.lr=1e39", f"backend={backend}")
    assert sentence.startswith("step 1: a weight is ")


def test_a_model_that_came_so_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(WEIGHTS_FOLDER / "small_base", folder)
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: torch.full_like(weight, torch.nan) for name, weight in weights.items()}, folder / "model.safetensors"
    )
    with pytest.raises(ModelError, match="its logits are not finite: the weights are not finite"):
        list(execute_run(spec(f"model.path={folder}"), tmp_path / "run"))


@dataclass(frozen=True, slots=True)
class Broken:
    """Adds a loss that is no number."""

    value: float

    def token_losses(self, log_probs: Any, entropies: Any, signal: Any) -> Any:
        return log_probs.detach() * 0 + self.value


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_trick_whose_loss_is_no_number_is_told_from_a_policy_that_diverged(value: float) -> None:
    samples, plain = random_samples(), rule()
    broken = UpdateRule({**plain.tricks, "broken": Broken(value)}, plain.fillers, plain.setup)
    one = learner(qwen3())
    signal_ = plain_signal(samples, torch.ones(12), one.log_probs(samples))
    with pytest.raises(Diverged, match="the loss is (nan|inf) although every log-prob is finite: a trick"):
        one.update(samples, signal_, broken)


@pytest.mark.parametrize("setting", ["correct", "wrong"])
@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan", "1e39"])
def test_a_reward_that_is_no_number_is_refused_beforehand(setting: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"reward\.{setting}"):
        load_config(f"reward.{setting}={value}")


def test_the_advice_is_about_tricks_where_they_compute_what_is_not_finite() -> None:
    chosen = load_config(*SMALL)
    for what in ("the advantages are not finite on 3 of 9 sampled tokens", "the loss is nan although a trick computes"):
        sentence = str(add_step_to_error(Diverged(what), 2, chosen))
        assert sentence.startswith(f"step 2: {what}; `python -m tricks check` finds the trick among ")
        assert "group_norm" in sentence
        assert "optim.lr" not in sentence


def test_the_advice_begins_with_a_setting_that_is_beyond_what_is_usual() -> None:
    chosen = load_config(*SMALL, "+tricks.kl_loss={coef: 1e30}", "optim.weight_decay=1e9")
    said = str(add_step_to_error(Diverged("the gradient is not finite: its norm is inf"), 1, chosen))
    usual = "outside the usual range: change that first; lower optim.lr="
    assert f"not finite: its norm is inf; optim.weight_decay=1e+09 and kl_loss.coef=1e+30 are {usual}" in said
    without_tricks = add_step_to_error(
        Diverged("the loss is inf: a trick computes it wrongly"), 1, load_config("reward.correct=3e38")
    )
    assert str(without_tricks).partition("; ")[2].startswith(f"reward.correct=3e+38 is {usual}")


def test_it_leaves_the_record_of_a_failed_run(tmp_path: Path) -> None:
    _, sentence = followed(tmp_path, HUGE)
    record = RunRecord.from_json((tmp_path / "record.json").read_text())
    assert (record.status, record.error) == ("failed", f"Diverged: {sentence}")
    assert record.scores == {}
    assert record.cpu_seconds > 0
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 1


def test_it_starts_again_at_the_first_step_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = (HUGE, ONE_UPDATE, "checkpoint.every=1")
    steps, sentence = followed(tmp_path, *settings)
    assert (tmp_path / "checkpoints" / "step-000001").is_dir()
    capsys.readouterr()
    assert followed(tmp_path, *settings) == (steps, sentence)
    said = capsys.readouterr().err
    assert f"this run failed before (Diverged: {sentence}); it restarts from step 0" in said
    assert "resumes from checkpoint" not in said


def test_it_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(Diverged("step 1: no number")))
    assert (type(error), str(error)) == (Diverged, "step 1: no number")
    from_ray = RayTaskError("work", "Traceback", error)
    assert explain_task_end(from_ray) == "Diverged: step 1: no number"
    assert is_arm_failure(from_ray)
    assert is_arm_failure(RayTaskError("work", "Traceback", from_ray))
    assert is_arm_failure(RayTaskError("work", "Traceback", RuntimeError("probability tensor contains `nan`")))
    assert not is_arm_failure(RayTaskError("work", "Traceback", ValueError("no number")))


DIVERGING = """
question: Does it matter?
metric: final/accuracy
feeds: [study]
axes: {lr: {ok: [], huge: [optim.lr=1e30]}}
baseline: {lr: ok}
seeds: [0]
overrides: [preset=grpo, steps=1, rollout.prompts_per_batch=4, rollout.group_size=4, eval.problems=2, eval.samples=2]
"""


def test_a_sweep_names_it_with_the_same_words_and_does_not_try_until_it_survives(tmp_path: Path) -> None:
    runs = make_plan(grid(tmp_path, DIVERGING), False, (), (), {}).runs
    huge = [run for run in runs if run.labels["lr"] == "huge"]
    failures = [event.what for event in launch_inline(huge, tmp_path) if isinstance(event.what, Failure)]
    assert [failure.final for failure in failures] == [True]
    assert failures[0].cause.startswith("Diverged: step 1: the log-probs of the policy are not finite")
    assert failures[0].cause.endswith("lower optim.lr=1e+30 or raise optim.warmup_steps=0")


def states(results: Path) -> dict[str, str]:
    return dict(Store.open(results).statuses("single"))


def test_a_single_run_is_failed_in_mlflow_with_its_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], blank_database: Path
) -> None:
    copyfile(blank_database, tmp_path / "mlflow.db")
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    arguments = (*SMALL, HUGE, ONE_UPDATE)
    run_id = load_config(*arguments).run_id()
    assert run_single(arguments) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Diverged: ")]
    assert len(said) == 1
    store = Store.open(tmp_path)
    assert states(tmp_path) == {run_id: "FAILED"}
    assert [record.error for record in store.records("single")] == said
    assert [step for step, _ in store.history("single", "reward/mean")[run_id]] == [1]
    assert not list((tmp_path / "outbox").iterdir())
    assert run_single(arguments) == 1  # the record of the second takes the place of the first
    assert states(tmp_path) == {run_id: "FAILED"}


def test_a_single_run_whose_disk_fails_is_failed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], blank_database: Path
) -> None:
    copyfile(blank_database, tmp_path / "mlflow.db")
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    run_id = load_config(*SMALL).run_id()
    (tmp_path / "runs" / run_id / "metrics.jsonl").mkdir(parents=True)  # where the run would write its curves
    assert run_single(SMALL) == 1
    assert "Is a directory" in capsys.readouterr().err
    assert states(tmp_path) == {run_id: "FAILED"}
    assert Store.open(tmp_path).records("single")[0].error.startswith("IsADirectoryError: ")  # type: ignore[union-attr]
    (tmp_path / "runs" / run_id / "metrics.jsonl").rmdir()
    assert run_single(SMALL) == 0
    assert states(tmp_path) == {run_id: "FINISHED"}


@pytest.mark.slow
def test_a_single_run_that_is_stopped_is_not_left_running(tmp_path: Path, blank_database: Path) -> None:
    copyfile(blank_database, tmp_path / "mlflow.db")  # so that no tables are half made when they are read
    words, said = [*SMALL, "steps=500"], tmp_path / "said"
    with drivers.command(words, said, main, RESULTS_DIR=str(tmp_path), OMP_NUM_THREADS="1") as process:
        drivers.until(lambda: "RUNNING" in states(tmp_path).values(), process)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert "Traceback" not in said.read_text()
    assert "stopped; the same command " in said.read_text()
    assert states(tmp_path) == {}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Diverged("the logits are not finite"), "the logits are not finite; check the weights of the model, or set "),
        (EngineError("rank 1 of 2 died"), "rank 1 of 2 died"),
        (ParityError("sampler and learner differ"), "sampler and learner differ"),
    ],
)
def test_commands_that_only_sample_end_in_one_sentence_too(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise error

    assert run_command(command) == 1
    assert capsys.readouterr().err.startswith(said)
