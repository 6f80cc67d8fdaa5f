from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from shutil import copyfile
from typing import NamedTuple

import pandas as pd
import pytest

from harness.__main__ import main
from harness.config.experiment import load_config
from harness.records.record import RunRecord
from harness.rollouts.metrics import METRICS, find_metric_family, is_timing
from harness.training.loop import StepReport
from harness.training.run import FinishedRun, RunSpec, execute_run, save_finished_run
from tests.data_folder import data_folder
from tests.harness.byte_model import save_byte_model
from tests.sweeps import drivers
from tests.tiers import first, only
from tricks.presets import PRESETS

SMALL = (
    "steps=2",
    "rollout.prompts_per_batch=4",
    "rollout.group_size=4",
    "rollout.max_response_length=24",
    "eval.problems=3",
    "eval.samples=2",
)


def spec(*overrides: str) -> RunSpec:
    return RunSpec("tests", "laptop", {"arm": "x"}, load_config(*SMALL, *overrides), {"commit": "c0ffee"})


def numbers(folder: Path) -> list[dict[str, float]]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if not is_timing(name)} for line in lines]


@pytest.mark.parametrize(
    "overrides",
    first(
        2,
        [
            ("preset=dapo",),
            ("preset=reinforce_pp_baseline", "+tricks.entropy_bonus={}", "optim.epochs=2"),
            (),
            ("optim.epochs=2",),
            ("backend=hf",),
            ("model=large_aligned", "data=arithmetic_easy"),
        ],
    ),
    ids=["dynamic sampling", "reference and entropy", "vanilla", "two epochs", "hugging face", "large aligned"],
)
def test_the_same_config_and_seed_give_bit_identical_metrics(overrides: tuple[str, ...], tmp_path: Path) -> None:
    for name in ("one", "two"):
        list(execute_run(spec(*overrides), tmp_path / name))
    assert numbers(tmp_path / "one") == numbers(tmp_path / "two")
    assert len(numbers(tmp_path / "one")) == 3


# These four have most tricks. What a trick counts as fired is held by tests/tricks/test_fired.py for each of them.
@pytest.mark.parametrize("preset", only(["dapo", "reinforce_pp_baseline", "rloo", "scalerl"], sorted(PRESETS)))
def test_every_preset_runs_and_says_of_each_trick_whether_it_fired(preset: str, tmp_path: Path) -> None:
    chosen = spec(f"preset={preset}", "eval.problems=1")
    *reports, finished = execute_run(chosen, tmp_path)
    assert isinstance(finished, FinishedRun)
    fired = {f"fired/{name}" for name in chosen.config.update_rule().tricks}
    assert {name for name in finished.record.scores if name.startswith("fired/")} == fired
    assert all(0 <= finished.record.scores[name] <= 1 for name in fired)
    assert {item.step for item in reports if isinstance(item, StepReport) and "update/loss" in item.metrics} == {1, 2}


def test_an_arm_that_draws_groups_anew_begins_every_step_with_the_prompts_of_all_others(tmp_path: Path) -> None:
    frozen = ("optim.lr=0", "steps=4", "model=small_aligned")  # so that the same prompts give the same answers
    list(execute_run(spec("preset=grpo", *frozen), tmp_path / "grpo"))
    list(execute_run(spec("preset=dapo", *frozen), tmp_path / "dapo"))
    grpo, dapo = numbers(tmp_path / "grpo"), numbers(tmp_path / "dapo")
    assert any(step["rollout/prompts"] > 4 for step in dapo[1:])
    assert [step["rollout/accuracy"] for step in grpo[1:]] == [step["rollout/accuracy"] for step in dapo[1:]]


@pytest.mark.slow
def test_a_run_beside_another_gives_the_same_bits(tmp_path: Path) -> None:
    list(execute_run(spec("seed=3"), tmp_path / "alone"))
    with ExitStack() as kept:
        processes = [
            kept.enter_context(
                drivers.command(
                    [*SMALL, f"seed={seed}"], tmp_path / f"said{seed}", main, RESULTS_DIR=str(tmp_path / str(seed))
                )
            )
            for seed in (3, 4)
        ]
        assert [process.wait() for process in processes] == [0, 0]
    beside = tmp_path / "3" / "runs" / spec("seed=3").config.run_id()
    assert numbers(beside) == numbers(tmp_path / "alone")


def test_arms_of_one_seed_see_the_same_problems_and_start_alike(tmp_path: Path) -> None:
    list(execute_run(spec("preset=grpo"), tmp_path / "grpo"))
    list(execute_run(spec("preset=liteppo"), tmp_path / "liteppo"))
    grpo, liteppo = numbers(tmp_path / "grpo"), numbers(tmp_path / "liteppo")
    assert grpo[0] == liteppo[0]
    same = ("rollout/accuracy", "response/length", "response/truncated")
    assert [grpo[1][name] for name in same] == [liteppo[1][name] for name in same]


def test_a_run_ends_with_its_record_and_leaves_a_complete_folder(tmp_path: Path) -> None:
    *reports, finished = execute_run(spec("preset=liteppo", "seed=7"), tmp_path)
    assert isinstance(finished, FinishedRun)
    assert [report.step for report in reports if isinstance(report, StepReport)] == [0, 1, 2]
    record = RunRecord.from_json((tmp_path / "record.json").read_text())
    assert record == finished.record
    assert (record.status, record.seed, record.labels) == ("finished", 7, {"arm": "x"})
    assert {"start/accuracy", "final/accuracy", "final/pass@2", "auc/accuracy", "train/policy/entropy"} <= set(
        record.scores
    )
    assert not set(record.scores) & set(METRICS)  # a score would be a stray point on a curve of its name
    outcomes = pd.read_parquet(io.BytesIO((tmp_path / "outcomes.parquet").read_bytes()))
    assert len(outcomes) == 2 * 6 * 2  # start and final, two difficulties of three problems, two samples
    final = outcomes[outcomes.when == "final"]
    assert final.right.mean() == pytest.approx(record.scores["final/accuracy"])


def test_every_logged_metric_is_documented(tmp_path: Path) -> None:
    list(execute_run(spec("preset=grpo"), tmp_path))
    logged = {name for line in (tmp_path / "metrics.jsonl").read_text().splitlines() for name in json.loads(line)}
    found = {find_metric_family(name) for name in logged - {"step"}}
    assert found <= set(METRICS)
    splits = {name for name in METRICS if name.endswith(("_right", "_wrong"))}  # left out where no response is such
    of_engines = {"parity/gap_max", "parity/gap_mean", "seconds/parity"}  # tests/parity finds them
    assert set(METRICS) - found <= splits | of_engines


def test_evaluation_in_between_adds_points_to_the_curve(tmp_path: Path) -> None:
    reports = [item for item in execute_run(spec("eval.every=1"), tmp_path) if isinstance(item, StepReport)]
    assert all("eval/accuracy" in report.metrics for report in reports)


def test_no_steps_is_an_evaluation(tmp_path: Path) -> None:
    *_, finished = execute_run(spec("steps=0"), tmp_path)
    assert isinstance(finished, FinishedRun)
    assert "final/accuracy" not in finished.record.scores


def test_the_record_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    *_, finished = execute_run(spec("steps=0"), tmp_path / "run")
    assert isinstance(finished, FinishedRun)
    written: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda draft, target: written.append(target.name) or replace(draft, target))
    save_finished_run(finished, tmp_path / "copy")
    assert written[-1] == "record.json"


def test_real_problems_are_trained_on_and_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(data_folder()))
    monkeypatch.setenv("RESULTS_DIR", str(tmp_path))
    model = save_byte_model(tmp_path / "model")
    chosen = spec(
        f"model.path={model}",
        "model.prompt_form=chat",
        "data=math_easy",
        "eval.benchmarks=[aime24,gsm8k]",
        "+eval.samples_of.aime24=3",
        "eval.max_response_length=4",
        "rollout.max_response_length=6",
        "rollout.max_prompt_length=400",  # bytes, for this model
        "steps=1",
    )
    first, *_, finished = execute_run(chosen, tmp_path / "run")
    assert isinstance(first, StepReport)
    assert isinstance(finished, FinishedRun)
    record, rows = finished.record, pd.read_parquet(tmp_path / "run" / "outcomes.parquet")
    card = json.loads((tmp_path / "run" / "data_card.json").read_text())["paper/easy"]
    assert (card["rows"], record.provenance["data paper/easy"]) == (5000, card["sha256"])
    assert 0 < first.metrics["data/too_long"] < 5000
    assert first.metrics["eval/too_long"] == rows[rows.reason == "prompt_too_long"].problem_id.nunique() > 0
    assert {"final/aime24/avg@3", "final/gsm8k/avg@2", "final/gsm8k/pass@2/se"} <= set(record.scores)
    assert rows.groupby(["when", "benchmark"]).size().to_dict() == {
        (when, name): count for when in ("start", "final") for name, count in (("aime24", 9), ("gsm8k", 6))
    }
    logged = {
        name for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines() for name in json.loads(line)
    }
    assert {find_metric_family(name) for name in logged - {"step"}} <= set(METRICS)


class Done(NamedTuple):
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


class Command:
    """``python -m harness`` in this process: another one imports for seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *overrides: str, results: Path) -> Done:
        self._monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        self._monkeypatch.setenv("RESULTS_DIR", str(results))
        self._capsys.readouterr()
        return Done(main(list(overrides)), *self._capsys.readouterr())


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


def test_one_run_from_the_command_line(tmp_path: Path, blank_database: Path) -> None:
    copyfile(blank_database, tmp_path / "mlflow.db")
    done = subprocess.run(
        [sys.executable, "-m", "harness", *SMALL, "steps=1", "preset=liteppo", "+tricks.overlong_filter={}"],
        env={**_environment(), "RESULTS_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "OverlongFilter(" in done.stdout
    assert "final/accuracy" in done.stdout


def test_tricks_that_cannot_act_and_those_that_did_not_are_named(
    tmp_path: Path, command: Command, blank_database: Path
) -> None:
    copyfile(blank_database, tmp_path / "mlflow.db")
    idle = ("preset=grpo", "tricks.clip_higher={}", "optim.updates_per_rollout=1", "rollout.temperature=5")
    lines = command(*SMALL, *idle, results=tmp_path).stdout.splitlines()
    assert any(line.startswith("clip_higher cannot act: with optim.updates_per_rollout=1") for line in lines)
    assert any(line.startswith("never fired") and "clip_higher" in line for line in lines)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["preset=litepo"], "unknown preset 'litepo'; did you mean 'liteppo'?"),
        (["+tricks.nothing={}"], "unknown trick 'nothing'"),
        (["model.path=builtin:smal_base"], "did you mean"),
    ],
)
def test_a_wrong_command_ends_with_one_message_and_exit_code_2(
    overrides: list[str], message: str, tmp_path: Path, command: Command
) -> None:
    done = command(*overrides, results=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_results_that_cannot_be_written_end_with_one_message(tmp_path: Path, command: Command) -> None:
    (tmp_path / "file").write_text("not a folder")
    done = command(*SMALL, "steps=0", results=tmp_path / "file" / "results")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "file") in done.stderr


def _environment() -> dict[str, str]:
    import os

    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**kept, "OMP_NUM_THREADS": "1"}
