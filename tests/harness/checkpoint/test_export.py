"""The weights that a run leaves are a Hugging Face folder."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from harness.checkpoint.__main__ import main
from harness.checkpoint.export import export_model
from harness.config.experiment import load_config
from harness.engines.base.optimizer_state import load_tensors
from harness.evaluation.__main__ import main as evaluate
from harness.models.errors import ModelError
from harness.models.load import load_model
from harness.training.run import FinishedRun, execute_run
from tests.harness.checkpoint.runs import advance, finish, spec

FAST = ("preset=grpo", "optim.lr=1e-3")


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FinishedRun]:
    """The folder of a finished run, and its last item."""
    place = tmp_path_factory.mktemp("trained")
    *_, finished = execute_run(spec(*FAST), place)
    assert isinstance(finished, FinishedRun)
    return place, finished


def folder(results: Path, *overrides: str) -> Path:
    return results / "runs" / f"tests.{spec(*overrides).config.run_id()}"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_finished_run_is_evaluated_as_it_was_in_training(dtype: str, results: Path) -> None:
    trained = ("model=small_aligned", "data=arithmetic_easy", "eval.problems=8", f"model.dtype={dtype}", *FAST)
    finish(spec(*trained), folder(results, *trained))
    exported = folder(results, *trained) / "model"
    same = ("eval=laptop", "k=2", "problems=8", "rollout.max_response_length=24", "data=arithmetic_easy")
    assert evaluate([f"model={exported}", "bench=arithmetic", f"model.dtype={dtype}", *same]) == 0
    (made,) = (results / "evaluations").iterdir()
    moments = dict(tuple(pd.read_parquet(exported.parent / "outcomes.parquet").groupby("when")))
    final, start = (moments[when].drop(columns="when").reset_index(drop=True) for when in ("final", "start"))
    assert pd.read_parquet(made / "outcomes.parquet").drop(columns="when").equals(final)
    assert final.right.any()
    assert not final.equals(start)


def test_transformers_reads_it_with_tokenizer_and_generation_settings(trained: tuple[Path, FinishedRun]) -> None:
    exported, begun = trained[0] / "model", spec().config.model.path
    model, (first, tokenizer) = AutoModelForCausalLM.from_pretrained(exported), load_model(begun, torch.float32)
    assert model.dtype == torch.float32
    assert model.generation_config.eos_token_id == first.generation_config.eos_token_id
    assert AutoTokenizer.from_pretrained(exported).chat_template == tokenizer.chat_template
    assert AutoTokenizer.from_pretrained(exported)("12+3=?") == tokenizer("12+3=?")
    assert not any(torch.equal(*pair) for pair in zip(model.parameters(), first.parameters(), strict=True))


def test_nothing_is_kept_unasked(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unasked = (*FAST, "checkpoint.export=false", "checkpoint.every=0")
    *_, finished = execute_run(spec(*unasked), folder(results, *unasked))
    assert isinstance(finished, FinishedRun)
    assert not (folder(results, *unasked) / "model").exists()
    assert set(finished.files) == {"config.yaml", "outcomes.parquet", "clipped_tokens.json"}
    assert main([finished.record.run_id]) == 1
    assert "the run saved no weights; start runs with checkpoint.export=true to keep them" in capsys.readouterr().err


def test_weights_do_not_travel_with_the_files(trained: tuple[Path, FinishedRun]) -> None:
    place, finished = trained
    assert (place / "model").is_dir()
    assert set(finished.files) == {"config.yaml", "outcomes.parquet", "clipped_tokens.json"}


def test_the_command_finds_those_of_a_finished_run(
    results: Path, trained: tuple[Path, FinishedRun], capsys: pytest.CaptureFixture[str]
) -> None:
    copytree(trained[0], folder(results, *FAST))
    assert main([spec(*FAST).config.run_id()]) == 0
    assert capsys.readouterr().out.strip() == str(folder(results, *FAST) / "model")


def test_the_command_writes_those_of_a_stopped_run(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    advance(spec(*FAST), folder(results, *FAST), 2)
    assert main([spec(*FAST).config.run_id()]) == 0
    written = Path(capsys.readouterr().out.strip())
    assert written == folder(results, *FAST) / "model-step-000002"
    step = folder(results, *FAST) / "checkpoints" / "step-000002" / "learner" / "weights.safetensors"
    kept, model = load_tensors(step), AutoModelForCausalLM.from_pretrained(written)
    assert all(torch.equal(weight, kept[name]) for name, weight in model.named_parameters())


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 2), (["0123456789-s0"], 2)])
def test_other_calls(arguments: list[str], code: int, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == code
    said = capsys.readouterr()
    assert "Usage: python -m harness.checkpoint" in said.out or "no such run" in said.err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.pop("model.norm.weight"), "its model.norm.weight was not trained"),
        (lambda weights: weights.update(other=torch.ones(2)), "it has no other of the shape"),
        (lambda weights: weights.update({"model.norm.weight": torch.ones(2)}), "it has no model.norm.weight of the"),
    ],
)
def test_weights_of_another_model_are_refused(change, message: str, tmp_path: Path) -> None:
    config = load_config().model
    model, _ = load_model(config.path, torch.float32)
    weights = {name: weight.detach() for name, weight in model.named_parameters()}
    change(weights)
    with pytest.raises(ModelError, match=message):
        export_model(config, weights.items(), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_settings_that_save_pretrained_refuses_are_kept_as_they_are(tmp_path: Path) -> None:
    from tests.harness.byte_model import save_byte_model

    begun = save_byte_model(tmp_path / "begun")
    settings = json.loads((begun / "generation_config.json").read_text())
    settings |= {"do_sample": False, "temperature": 0.6}  # as some published models have
    (begun / "generation_config.json").write_text(json.dumps(settings))
    config = load_config(f"model.path={begun}").model
    model, _ = load_model(str(begun), torch.float32)
    export_model(config, ((name, weight.detach()) for name, weight in model.named_parameters()), tmp_path / "model")
    assert json.loads((tmp_path / "model" / "generation_config.json").read_text())["temperature"] == 0.6
