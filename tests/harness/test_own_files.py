"""Files of one's own in a config: how they are written, what they are called, and when they make another run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from signal import SIGTERM

import pytest

from harness.common.schema import SchemaError
from harness.common.signals import Preempted
from harness.config.compose import compose_fast
from harness.config.experiment import ExperimentConfig, check_config, load_config
from harness.data.catalog import DataError
from harness.evaluation.command import EvaluationOptions, build_evaluation_config
from harness.models.load import load_tokenizer
from harness.rollouts.metrics import find_metric_family
from harness.rollouts.problems import read_held_out, read_run_problems
from harness.rollouts.prompts import Prompts
from harness.rollouts.remarks import list_remarks
from harness.training.run import FinishedRun, RunSpec, execute_run
from sweeps.cost.work import count_eval_responses

ROOT = Path(__file__).parents[2]
SMALL = ("steps=1", "rollout.prompts_per_batch=4", "rollout.group_size=2", "eval.problems=2", "eval.samples=2")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the command, with a file to train on and one that is held out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATA_DIR", raising=False)
    write("mine.jsonl", *((f"{one}+{one + 1}=?", str(2 * one + 1)) for one in range(8)))
    write("heldout.jsonl", ("20+21=?", "41"), ("30+31=?", "61"), ("40+41=?", "81"))
    return tmp_path


def write(path: str, *rows: tuple[str, str]) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(
        "".join(json.dumps({"problem": problem, "answer": answer}) + "\n" for problem, answer in rows)
    )


def own(*overrides: str, path: str = "mine.jsonl", held: str = "heldout.jsonl") -> ExperimentConfig:
    return load_config("data.source=file", f"data.path={path}", f"eval.benchmarks=[file:{held}]", *overrides)


def test_a_file_needs_no_other_setting(folder: Path) -> None:
    config = load_config("data.source=file", "data.path=mine.jsonl")
    assert (config.data.path, config.data.difficulties) == (str(folder / "mine.jsonl"), ())
    assert check_config(compose_fast(["data.source=file", "data.path=mine.jsonl"])) == config  # as a grid composes it


def test_a_benchmark_is_named_after_its_file_and_known_by_its_content(folder: Path) -> None:
    config = own("+eval.samples_of.heldout=3")
    assert config.eval.benchmarks == ("heldout",)
    assert config.eval.files["heldout"].path == str(folder / "heldout.jsonl")
    assert config.eval.files["heldout"].rows == 3
    both = load_config("eval.benchmarks=[arithmetic,file:heldout.jsonl,file:./heldout.jsonl]")
    assert both.eval.benchmarks == ("arithmetic", "heldout")


@pytest.mark.parametrize("changed", ["mine.jsonl", "heldout.jsonl"])
def test_another_content_is_another_run_and_another_place_is_not(changed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = own()
    write("elsewhere/mine.jsonl", *((f"{one}+{one + 1}=?", str(2 * one + 1)) for one in range(8)))
    write("elsewhere/heldout.jsonl", ("20+21=?", "41"), ("30+31=?", "61"), ("40+41=?", "81"))
    monkeypatch.chdir("elsewhere")
    assert own().cell_id() == before.cell_id()
    write(changed, ("1+1=?", "2"))
    assert own().cell_id() != before.cell_id()


def test_a_file_rewritten_in_the_same_size_is_another_content(folder: Path) -> None:
    file = folder / "mine.jsonl"
    before, content, changed = own().data.sha256, file.read_bytes(), file.stat().st_mtime_ns
    file.write_bytes(content.replace(b'"answer": "1"', b'"answer": "2"'))
    os.utime(file, ns=(changed, changed + 1))
    assert file.stat().st_size == len(content)
    assert own().data.sha256 != before


def test_a_config_as_a_run_records_it_is_read_again() -> None:
    config = own("+eval.samples_of.heldout=3")
    recorded = json.loads(json.dumps(asdict(config)))
    assert check_config(recorded) == config


def test_ids_of_runs_without_a_file_are_what_they_were() -> None:
    assert load_config().cell_id() == "7ae0cdfd99"
    assert load_config("data=math_easy", "eval=paper").cell_id() == "c3f4ab5113"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.path=mine.jsonl"], "data.path: needs data.source=file, got arithmetic"),
        (["data.source=file", "data.path=mine.jsonl", "data.difficulties=[easy]"], "data.path: source=file needs"),
        (["eval.benchmarks=[file:]"], "eval.benchmarks: file: needs the path of a file"),
        (["eval.benchmarks=[file:math500.jsonl]"], "'math500' names other scores already; rename the file"),
        (["eval.benchmarks=[file:Arithmetic.jsonl]"], "names other scores already"),
        (["eval.benchmarks=[file:accuracy.jsonl]"], "names other scores already"),
        (["eval.benchmarks=['file:my file.jsonl']"], "'my file' cannot be such a name; rename the file"),
        (["eval.benchmarks=['file:ä@1.jsonl']"], "cannot be such a name"),
        (["eval.benchmarks=['file:heldout.jsonl.gz']"], "cannot be such a name"),
        (
            ["eval.benchmarks=[file:heldout.jsonl,file:a/heldout.jsonl]"],
            "would both be scored as 'heldout'",
        ),
        (["eval.benchmarks=[heldout]"], "eval.benchmarks[0]: no benchmark 'heldout' (a file of your own is file:PATH"),
        (["+eval.samples_of.mat500=2"], "eval.samples_of.mat500: no benchmark 'mat500'"),
        (["data.source=file", "data.path=~/mine.jsonl"], "quote a value with characters other than"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(overrides: list[str], message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        load_config(*overrides)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_missing_is_named_by_where_it_would_be(folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_run_problems(own(path="nowhere.jsonl"))
    assert str(caught.value).startswith(f"{folder / 'nowhere.jsonl'}: no such file")


def test_a_draw_of_a_file_is_compared_with_whole() -> None:
    write("mine.jsonl", ("20+21=?", "41"), ("30+31=?", "61"), ("40+41=?", "81"), ("1+1=?", "2"))
    read = read_run_problems(own("eval.problems=1"))
    assert len(read.held_out["heldout"]) == 1
    assert [one.prompt for one in read.tiers["mine.jsonl"].problems] == ["1+1=?"]
    assert read_run_problems(own("eval.problems=2")).held_out["heldout"][:1] != ()


def test_a_larger_draw_holds_the_smaller_one() -> None:
    draws = [
        {one.problem_id for one in read_run_problems(own(f"eval.problems={size}")).held_out["heldout"]}
        for size in (1, 2, 9)
    ]
    assert draws[0] < draws[1] < draws[2]
    assert len(draws[2]) == 3


def test_the_cost_of_an_evaluation_counts_the_rows_of_the_file() -> None:
    assert count_eval_responses(asdict(own("eval.problems=null", "eval.samples=2"))) == 6
    assert count_eval_responses(asdict(own("eval.problems=2", "eval.samples=2"))) == 4


def test_what_the_tokenizer_cannot_spell_is_said_before_the_run() -> None:
    write("mine.jsonl", ("1+1=?", "2"), ("Löse 2+2=?", "x=4"))
    config = own("rollout.max_prompt_length=7")
    told = list_remarks(config, read_run_problems(config))
    assert len([line for line in told if line.startswith("mine.jsonl: 2 problems, fewer than")]) == 1
    unknown = "1 of 2 problems contain characters that the tokenizer of builtin:small_base cannot encode ('L'"
    assert any(unknown in line for line in told)
    assert any("1 of 2 answers contain" in line and "('x')" in line for line in told)
    assert any("prompts are longer than rollout.max_prompt_length=7" in line for line in told)
    assert list_remarks(load_config(), read_run_problems(load_config())) == []


def test_a_prompt_that_leaves_no_room_in_the_window_is_told_of_as_too_long() -> None:
    sums = [f"{'1+' * size}1=?" for size in (1, 245)]  # of the 512 positions of the embedded models
    write("heldout.jsonl", *((text, "2") for text in sums))
    config = own(*SMALL)
    (told,) = (line for line in list_remarks(config, read_run_problems(config)) if "longer" in line)
    assert told.startswith("heldout: 1 of 2 prompts are longer than the ")
    assert told.endswith("line 2")
    (exam,) = Prompts(config, load_tokenizer(config.model.path)).eval_sets(read_held_out(config))
    assert f"longer than the {exam.longest} tokens that the model's window leaves for a prompt" in told
    assert [len(task.prompt_ids) > exam.longest for task in exam.tasks] == [False, True]


def test_the_name_of_a_file_may_hold_a_dash_in_scores_and_metrics() -> None:
    assert find_metric_family("eval/held-out/accuracy") == "eval/<benchmark>/accuracy"


def test_a_run_trains_on_the_file_and_its_record_has_the_scores_of_the_other(folder: Path) -> None:
    config = own(*SMALL)
    *_, finished = execute_run(RunSpec("tests", "laptop", {}, config, {"commit": "c0ffee"}), folder / "run")
    assert isinstance(finished, FinishedRun)
    assert {"start/heldout/avg@2", "final/heldout/avg@2", "final/heldout/pass@2", "final/accuracy"} <= set(
        finished.record.scores
    )
    assert set(finished.record.provenance) == {"commit", "data mine.jsonl", "data held out heldout"}
    cards = json.loads((folder / "run/data_card.json").read_text())
    assert cards["mine.jsonl"]["rows"] == 8
    assert cards["held out heldout"]["rows"] == 3
    assert finished.record.config["eval"]["files"]["heldout"]["sha256"] == config.eval.files["heldout"].sha256


def test_a_checkpoint_of_another_content_is_not_gone_on_from(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overrides = (*SMALL, "steps=3", "checkpoint.every=1")
    run = execute_run(RunSpec("tests", "laptop", {}, own(*overrides), {}), folder / "run", (SIGTERM,))
    assert [next(run).step, next(run).step] == [0, 1]
    os.kill(os.getpid(), SIGTERM)
    with pytest.raises(Preempted):
        list(run)
    list(execute_run(RunSpec("tests", "laptop", {}, own(*overrides), {}), folder / "run"))
    assert "resumes from checkpoint" in capsys.readouterr().err


def test_make_eval_takes_a_file() -> None:
    config = build_evaluation_config(
        EvaluationOptions("builtin:small_base", "arithmetic,file:heldout.jsonl", k="2", problems="2")
    )
    assert config.eval.benchmarks == ("arithmetic", "heldout")
    with pytest.raises(SchemaError, match=r"no benchmark 'heldout\.jsonl'; .*a file of your own is file:PATH"):
        build_evaluation_config(EvaluationOptions("builtin:small_base", "heldout.jsonl"))


@pytest.mark.slow
def test_the_commands_evaluate_and_measure_difficulty_on_a_file(folder: Path) -> None:
    model = "model=builtin:small_base"
    shown = _run("harness.evaluation", model, "bench=file:heldout.jsonl", "k=2")
    assert "heldout" in shown
    shown = _run("harness.difficulty", model, "tier=mine.jsonl", "k=2", "problems=4")
    assert "mine | 4" in shown


GRID = """\
question: Do our own problems tell two arms apart?
metric: final/heldout/avg@2
feeds: [study]
axes: {norm: {none: [], group: ["+tricks.group_norm={}"]}}
baseline: {norm: none}
seeds: [0]
overrides: [data.source=file, data.path=mine.jsonl, "eval.benchmarks=[file:heldout.jsonl]", steps=1, eval.problems=2,
  eval.samples=2, rollout.prompts_per_batch=4, rollout.group_size=2]
"""


@pytest.mark.slow
def test_a_grid_on_files_runs_on_workers_and_makes_what_has_changed_anew(folder: Path) -> None:
    (folder / "own_grid.yaml").write_text(GRID)
    first = _run("sweeps", "run", "grid=own_grid.yaml")
    assert "2 runs finished, 0 failed" in first
    assert "final/heldout/avg@2" in first
    assert "nothing to run: every planned run is finished" in _run("sweeps", "run", "grid=own_grid.yaml")
    write("heldout.jsonl", ("20+22=?", "42"), ("30+31=?", "61"))
    assert "to run   2" in _run("sweeps", "plan", "grid=own_grid.yaml")


def _run(*words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RESULTS_DIR": "results", "COLUMNS": "160"}
    done = subprocess.run(
        [sys.executable, "-m", *words], env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
