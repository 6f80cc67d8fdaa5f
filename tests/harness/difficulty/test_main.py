from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from harness.config.experiment import load_config
from harness.data.tiers import load_custom_tier
from harness.difficulty.__main__ import main
from harness.evaluation.command import DifficultyOptions, read_difficulty_request
from harness.training.loop import StepReport
from harness.training.run import FinishedRun, RunSpec, execute_run

ASKED = ["model=builtin:small_aligned", "tier=arithmetic_easy,arithmetic_hard", "k=4", "problems=12"]
SHORT = ("rollout.prompts_per_batch=4", "rollout.group_size=2", "eval.problems=1", "eval.samples=1", "steps=4")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    return tmp_path


def test_difficulty_is_measured_cut_and_trained_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ASKED, "cut=0.25,0.75"]) == 0
    shown = capsys.readouterr().out
    rows = list(csv.DictReader((folder / "tables" / "difficulty.small_aligned.csv").read_text().splitlines()))
    assert [row["tier"] for row in rows] == ["arithmetic_easy", "arithmetic_hard"]
    assert (folder / "tables" / "difficulty.small_aligned.md").read_text() in shown
    assert {path.suffix for path in (folder / "figures").iterdir()} == {".svg", ".png"}
    cut = folder / "tiers" / "arithmetic_hard.small_aligned.0.25-0.75.jsonl"
    assert f"data.source=file data.difficulties=[] data.path={cut}" in shown
    tier = load_custom_tier(cut)
    middle = sum(float(rows[1][f"{right}/4"]) for right in (1, 2, 3))
    assert len(tier.problems) == round(12 * middle) > 0
    _train_on(cut, folder / "run")


def _train_on(cut: Path, folder: Path) -> None:
    config = load_config("model=small_aligned", "data.source=file", "data.difficulties=[]", f"data.path={cut}", *SHORT)
    *reports, finished = execute_run(RunSpec("tests", "laptop", {}, config, {"commit": "c0ffee"}), folder)
    assert isinstance(finished, FinishedRun)
    assert all(report.metrics["data/too_long"] == 0 for report in reports if isinstance(report, StepReport))
    tier = load_custom_tier(cut)
    assert finished.record.provenance == {"commit": "c0ffee", f"data {cut}": tier.card.sha256}
    assert json.loads((folder / "data_card.json").read_text())[str(cut)]["rows"] == len(tier.problems)
    assert (folder / "data_card.md").read_text().startswith(tier.card.headline)
    held_out = pd.read_parquet(folder / "outcomes.parquet")["problem_id"]
    assert set(held_out.str.partition(":")[0]) == {"easy", "medium", "hard"}  # a file has no difficulty of its own
    assert not set(held_out) & {problem.problem_id for problem in tier.problems}


def test_a_finished_measurement_is_read_and_another_cut_costs_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["model=builtin:small_aligned", "tier=arithmetic_medium", "k=2", "problems=4"]
    assert main(asked) == 0
    (made,) = (folder / "difficulty").iterdir()
    written, first = (made / "outcomes.parquet").stat().st_mtime_ns, capsys.readouterr().out
    assert main([*asked, "cut=0,1"]) == 0
    assert capsys.readouterr().out.startswith(first)
    assert (made / "outcomes.parquet").stat().st_mtime_ns == written
    assert len(load_custom_tier(folder / "tiers" / "arithmetic_medium.small_aligned.0-1.jsonl").problems) == 4


def test_sampling_is_that_of_the_papers_training_unless_said_otherwise() -> None:
    asked = DifficultyOptions("builtin:small_aligned", "arithmetic_easy,arithmetic_hard", k="4", problems="12")
    rollout = read_difficulty_request(asked).config.rollout
    assert (rollout.temperature, rollout.top_p, rollout.top_k, rollout.group_size) == (0.99, 0.99, 100, 4)
    other = read_difficulty_request(
        replace(asked, overrides=("rollout.temperature=0.5", "rollout.top_k=0"))
    ).config.rollout
    assert (other.temperature, other.top_p, other.top_k) == (0.5, 0.99, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tier=paper_easy"], "model: required"),
        (["model=builtin:small_base", "tier=paper_eazy"], "did you mean 'paper_easy'?"),
        (["model=builtin:small_base", "tier=nowhere.jsonl"], "nowhere.card.json: cannot be read"),
        (["model=builtin:small_base", "cut=0.9,0.1"], "cut=0.9,0.1: give pass rates from 0 to 1"),
        (["model=builtin:small_base", "cut=0.9"], "cut=0.9: give two pass rates, as in cut=0.1,0.9"),
        (["model=builtin:small_base", "cut=nan,1"], "cut=nan,1: give pass rates from 0 to 1"),
        (["model=builtin:small_base", "problems=0"], "problems=0: give a number of at least 1, or all"),
        (["model=builtin:small_base", "k=0"], "rollout.group_size: input should be greater than or equal to 1"),
        (
            ["model=builtin:small_base", "tier=arithmetic_hard", "k=1", "problems=1", "cut=0.5,0.5"],
            "cut=0.5,0.5: no problem of arithmetic_hard has such a pass rate",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if "━" not in line]
    assert message in said[-1]
    assert len(said) == 1


def test_help_and_nothing_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert (main(["-h"]), main([])) == (0, 2)
    assert capsys.readouterr().out.count("Usage: python -m harness.difficulty") == 2
