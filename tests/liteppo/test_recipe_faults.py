"""Broken and foreign configurations end in a message and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from liteppo.program import main


def test_the_options_of_another_trainer_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "train.py"
    path.write_text("from trl import DPOConfig\nconfig = DPOConfig(beta=0.1)\n")
    main(["explain", "--framework", "trl", str(path)])
    assert "line 2: DPOConfig is of another trainer" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["num_generations=8.5", "epsilon=abc", "max_completion_length=abc", "top_p=[1,2]"])
def test_a_wrong_value_is_bad_input(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--framework", "trl", word]) == 2
    assert word.partition("=")[0] in capsys.readouterr().out.partition("the rule is not whole")[2].partition("\n\n")[0]


@pytest.mark.parametrize("framework", ["openrlhf", "ms_swift"])
def test_an_option_that_is_null_by_default_is_no_flag(framework: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "preset=grpo", "--to", framework]) == 0
    assert "null" not in capsys.readouterr().out.lower()
