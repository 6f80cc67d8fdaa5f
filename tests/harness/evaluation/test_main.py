from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from harness.config.experiment import load_config
from harness.data.benchmarks import BENCHMARKS
from harness.evaluation.__main__ import main
from harness.training.run import FinishedRun, RunSpec, execute_run
from tests.data_folder import data_folder
from tests.harness.byte_model import save_byte_model

SHORT = ("eval.max_response_length=6", "rollout.max_prompt_length=3000")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    return tmp_path


def evaluated(folder: Path, *arguments: str) -> Path:
    """The folder of an evaluation that went well."""
    before = set((folder / "evaluations").glob("*"))
    assert main(list(arguments)) == 0
    (made,) = set((folder / "evaluations").glob("*")) - before
    return made


def outcomes(made: Path) -> pd.DataFrame:
    return pd.read_parquet(made / "outcomes.parquet")


def test_arithmetic_from_the_command_line_scores_as_a_run_does(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = evaluated(folder, "model=builtin:small_base", "bench=arithmetic", "k=4", "problems=3")
    shown = capsys.readouterr().out
    config = load_config("steps=0", "eval.samples=4", "eval.problems=3")
    *_, finished = execute_run(RunSpec("tests", "laptop", {}, config, {}), folder / "run")
    assert isinstance(finished, FinishedRun)
    scores = json.loads((made / "scores.json").read_text())
    assert scores["benchmarks"]["arithmetic"]["accuracy"]["mean"] == finished.record.scores["start/accuracy"]
    assert scores["overall"]["accuracy"]["se"] == finished.record.scores["start/accuracy/se"]
    same = (
        outcomes(made).drop(columns="when"),
        pd.read_parquet(folder / "run" / "outcomes.parquet").drop(columns="when"),
    )
    assert same[0].equals(same[1])
    assert (
        f"{finished.record.scores['start/accuracy']:.3f} ± {finished.record.scores['start/accuracy/se']:.3f}" in shown
    )
    assert {path.name for path in made.iterdir()} == {"outcomes.parquet", "scores.json", "config.yaml"}


def test_a_finished_evaluation_is_read_not_repeated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["model=builtin:small_base", "k=2", "problems=2"]
    made = evaluated(folder, *asked)
    first, written = capsys.readouterr().out, (made / "outcomes.parquet").stat().st_mtime_ns
    assert main(asked) == 0
    assert capsys.readouterr().out == first
    assert (made / "outcomes.parquet").stat().st_mtime_ns == written


def test_other_settings_are_another_evaluation(folder: Path) -> None:
    for different in ("k=1", "k=2", "eval.temperature=0.5"):
        evaluated(folder, "model=builtin:small_base", "problems=2", different)


@pytest.fixture
def real(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(data_folder()))
    return save_byte_model(folder / "model")


def test_all_benchmarks_are_asked(folder: Path, real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = evaluated(folder, f"model={real}", "bench=all", "k=2", "problems=2", *SHORT)
    rows = outcomes(made)
    assert rows.groupby("benchmark", sort=False).size().to_dict() == dict.fromkeys(BENCHMARKS, 4)
    assert set(rows["reason"]) <= {"no_box", "empty_box", "unreadable"}  # a random model's six tokens
    assert not rows["right"].any()
    shown = capsys.readouterr().out
    assert all(f"\n{name} " in shown for name in (*BENCHMARKS, "mean"))


def test_a_sample_depends_on_its_problem_and_place_alone(folder: Path, real: Path) -> None:
    few = outcomes(evaluated(folder, f"model={real}", "bench=amc23", "k=2", "problems=2", *SHORT))
    more = outcomes(evaluated(folder, f"model={real}", "bench=aime24,amc23", "k=3", "problems=5", *SHORT))
    keys = ["benchmark", "problem_id", "sample"]
    both = few.merge(more, on=keys, suffixes=("", " again"))
    assert len(both) == len(few)
    for name in ("length", "truncated", "reason"):
        assert (both[name] == both[f"{name} again"]).all()


def test_a_prompt_that_is_too_long_is_told(folder: Path, real: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tight = ("eval.max_response_length=2", "rollout.max_prompt_length=150")
    made = evaluated(folder, f"model={real}", "bench=aime24", "k=1", "problems=3", *tight)
    assert "aime24: prompts of more than 150 tokens, not sampled and counted as wrong: 3" in capsys.readouterr().out
    assert set(outcomes(made)["reason"]) == {"prompt_too_long"}


def test_a_model_that_cannot_spell_is_scored_with_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(data_folder()))
    evaluated(folder, "model=builtin:small_base", "bench=amc23", "k=1", "problems=1", "rollout.max_response_length=4")
    assert "the tokenizer cannot spell" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bench=all"], "model: required"),
        (["model=builtin:small_base", "bench=every"], "bench=every: no benchmark 'every'"),
        (["model=builtin:small_base", "model.thinking=true"], "model.thinking turns thinking on or off"),
        (["model=builtin:small_base", "bench=aime24"], "no such folder"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str],
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATA_DIR", str(folder / "nowhere"))
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert list(folder.iterdir()) == []


def test_a_disk_that_cannot_be_written_is_no_traceback(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text("not a folder")
    monkeypatch.setenv("RESULTS_DIR", str(folder / "file"))
    assert main(["model=builtin:small_base", "k=1", "problems=1"]) == 1
    assert str(folder / "file") in capsys.readouterr().err


def test_help_and_nothing_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert (main(["--help"]), main([])) == (0, 2)
    assert capsys.readouterr().out.count("Usage: python -m harness.evaluation") == 2
