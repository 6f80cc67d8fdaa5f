"""Every subcommand of ``liteppo``: its help, and one small use in this process."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from liteppo.program import ALIASES, main, program

ROOT = Path(__file__).parents[2]
COMMANDS = [
    "run",
    "replay",
    "export",
    "sweep",
    "plan",
    "tune",
    "tables",
    "figures",
    "report",
    "takeaways",
    "guide",
    "trace",
    "summary",
    "ui",
    "eval",
    "difficulty",
    "data",
    "verify",
    "explain",
    "diff",
    "frameworks",
    "rewards",
    "tricks",
]
HEAVY = ("torch", "transformers", "mlflow", "ray", "hydra", "pandas", "numpy")


@pytest.fixture
def alone(results: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder of its own, no cluster and no server."""
    for name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI", "DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAUNCH", "inline")
    monkeypatch.setenv("RESULTS_DIR", str(results))
    return results


def test_the_commands_are_these() -> None:
    commands = program().commands
    assert [name for name, command in commands.items() if not command.hidden] == COMMANDS


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS), ["tricks", "apply"], ["rewards", "check"]])
def test_help_names_every_option_in_one_paragraph_each(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Usage: {' '.join(['liteppo', *words])}" in shown
    command = program()
    for word in words:
        command = command.commands[word]
    for param in command.params:
        if param.param_type_name == "option":
            assert param.opts[0] in shown, param.name
        assert getattr(param, "help", "") or param.name in {"help"}, f"{param.name} has no help"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["tables"], 1, "has no study yet; run one with `make sweep GRID=smoke`"),
        (["figures"], 1, "has no study yet"),
        (["report"], 1, "has no study yet"),
        (["takeaways"], 1, "has no study yet"),
        (["summary", "--grid", "smoke"], 1, "has no study yet"),
        (["trace", "--cell", "smoke.laptop"], 2, "no table 'smoke.laptop'"),
        (["ui"], 1, "no runs yet"),
        (["ui", "--port", "x"], 2, "port: not a number from 1 to 65535: x"),
        (["export", "0123456789-s0"], 2, "no such run"),
        (["eval", "--model", "builtin:small_bse"], 2, "did you mean builtin:small_base?"),
        (
            ["difficulty", "model=builtin:small_base", "problems=0"],
            2,
            "problems=0: give a number of at least 1, or all",
        ),
        (["data", "--near", "2"], 2, "near"),
        (["rewards", "check", "nowhere:same"], 2, "no module 'nowhere'"),
        (["tricks", "check", "clip_hihger"], 2, "did you mean 'clip_higher'?"),
        (["run", "stesp=1"], 2, "stesp: no such setting; did you mean 'steps'?"),
        (["run", "-m", "preset=grpo,liteppo"], 2, "liteppo sweep preset=grpo,liteppo"),
        (["replay", "--rollouts", "x.json", "seed=1"], 2, "the batch is already frozen"),
        (["plan", "norm_ablatoin"], 2, "did you mean 'norm_ablation'?"),
        (["tune", "smoke"], 2, "knob: required; write knob=NAME"),
        (["tune", "smoke", "--knob", "group_norm"], 2, "continuous knobs only"),
        (
            ["verify", "--open-box", "maybe", "x.jsonl"],
            2,
            "open_box: invalid choice: 'maybe' (choose from 'wrong', 'ignored')",
        ),
    ],
)
def test_what_cannot_be_done_is_one_message(
    words: list[str], code: int, says: str, alone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == code
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said


def test_a_run_prints_its_scores(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["steps=1", "rollout.prompts_per_batch=4", "rollout.group_size=2", "eval.problems=1", "eval.samples=1"]
    assert main(["run", "preset=grpo", *small]) == 0
    assert "final/accuracy" in capsys.readouterr().out


def test_the_options_of_a_run_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--options"]) == 0
    shown = capsys.readouterr().out
    assert "vanilla_ppo" in shown
    assert "reward   " in shown


def test_an_evaluation_takes_both_spellings(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "--model", "builtin:small_base", "--k", "1", "--problems", "1"]) == 0
    first = capsys.readouterr().out
    assert main(["eval", "model=builtin:small_base", "k=1", "problems=1"]) == 0
    assert capsys.readouterr().out == first  # the finished one is read


def test_guide_writes_its_table_and_answers_a_case(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide"]) == 0
    assert capsys.readouterr().out.strip() == str(alone / "tables" / "guide.laptop.md")
    assert main(["guide", "--model", "qwen3_8b", "--length", "20k"]) == 0
    assert "Large aligned model" in capsys.readouterr().out


def test_a_batch_is_replayed_into_a_table(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", f"rollouts={ROOT / 'docs' / 'reference' / 'rollouts.example.json'}"]) == 0
    written = [Path(line) for line in capsys.readouterr().out.split()]
    assert {path.suffix for path in written} >= {".json", ".md", ".png"}
    assert all(path.is_file() for path in written)


def test_responses_are_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "responses.jsonl"
    file.write_text(json.dumps({"id": 1, "gold": "7", "response": r"\boxed{7}"}) + "\n")
    assert main(["verify", str(file), "--strict"]) == 0
    assert json.loads(capsys.readouterr().out)["reward"] == 1


def test_tricks_and_rewards_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tricks"]) == main(["tricks", "list"]) == 0
    first, second = capsys.readouterr().out.split("tricks (")[1:]
    assert first == second
    assert main(["rewards"]) == 0
    assert "liteppo.rewards" in capsys.readouterr().out


def test_an_algorithm_is_applied_to_a_batch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "reference" / "rollouts.example.json").read_bytes()
    found = []
    for words in (["--preset", "liteppo", "--dtype", "float64"], ["preset=liteppo", "dtype=float64"]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        assert main(["tricks", "apply", *words, "tricks.clip.dual_clip=3"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]
    assert found[0]["preset"] == "liteppo"


@pytest.mark.parametrize("module", ALIASES)
def test_the_modules_are_the_same_program(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"{module}.__main__"
    assert importlib.import_module(name).main(["--help"]) == 0
    assert f"Usage: python -m {module}" in capsys.readouterr().out


def test_the_program_starts_without_what_is_heavy() -> None:
    code = f"import sys, liteppo.program as p; p.main(['--help']); sys.exit(any(m in sys.modules for m in {HEAVY}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=False).returncode == 0


def test_plans_and_tunings_import_no_ray_before_something_runs() -> None:
    code = "import sys, sweeps.driver, sweeps.tuning.tune; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=False).returncode == 0


def test_the_console_command_ends_with_one_line_and_the_code() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["liteppo"]
    module, _, function = declared.partition(":")
    script = f"import sys; from {module} import {function}; sys.exit({function}())"  # as pip writes it
    for command in ([sys.executable, "-c", script], [sys.executable, "-m", "liteppo"]):
        done = subprocess.run([*command, "tables", "gird=x"], capture_output=True, text=True, cwd=ROOT, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "gird: no such argument; did you mean 'grid'?\n"
