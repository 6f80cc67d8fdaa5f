"""``python -m tricks`` from a terminal."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from torch import Tensor

from tricks.__main__ import main
from tricks.api import TrickSpec
from tricks.batch import Rollouts
from tricks.catalog import load_catalog
from tricks.dialects.build import DIALECTS
from tricks.presets import PRESETS

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "reference" / "rollouts.example.json"


def give(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))


@dataclass(frozen=True)
class ReadsTheOrder:
    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        return rollouts.rewards.cumsum(dim=0)


BAD = TrickSpec("reads_the_order", ReadsTheOrder, "nowhere", "broken on purpose")


def test_without_a_command_every_trick_preset_and_dialect_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = {
        line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ") and line[2] != " "
    }
    assert set(load_catalog()) | set(PRESETS) | set(DIALECTS) <= listed


def test_apply_prints_json_of_the_documented_keys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, EXAMPLE.read_bytes())
    assert main(["apply", "preset=liteppo", "dtype=float64"]) == 0
    found = json.loads(capsys.readouterr().out)
    documented = (ROOT / "docs" / "reference" / "rollouts.md").read_text().split("## The answer")[1]
    assert [key for key in found if f"`{key}`" not in documented] == []


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (["apply", "preset=gropo"], b"{}", "rewards: required; give the verifier's reward of each sample"),
        (["apply"], b'{"rewards": [NaN', "the batch is not JSON at line 1, column 17"),
        (["apply", "grpo"], b"", "grpo: expected key=value"),
        (["apply", "preset"], b"", "preset: write preset=VALUE"),
        (["apply", "presets=grpo"], b"", "presets: no such argument; did you mean 'preset'?"),
        (["apply", "preset=grpo", "preset=rloo"], b"", "preset: given twice; keep one"),
        (["aply"], b"", "unknown command 'aply'; did you mean 'apply'?"),
        (["check", "clip_hihger"], b"", "unknown trick 'clip_hihger'; did you mean 'clip_higher'?"),
        (
            ["check", "no.module:SPEC"],
            b"",
            "no.module:SPEC: cannot be imported (ModuleNotFoundError: No module named 'no')",
        ),
        (["check", "json:loads"], b"", "json:loads: is a function; name a TrickSpec"),
    ],
)
def test_what_is_wrong_is_one_message_and_exit_code_2(
    words: list[str],
    text: bytes,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    give(monkeypatch, text)
    assert main(words) == 2
    streams = capsys.readouterr()
    assert streams.err.startswith(message)
    assert streams.out == ""


def test_check_without_a_name_shows_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 2
    assert "Usage: python -m tricks check" in capsys.readouterr().out


def test_check_says_that_a_trick_keeps_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "group_norm"]) == 0
    assert capsys.readouterr().out.startswith("group_norm keeps the ")


def test_check_names_what_a_trick_of_any_module_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"{__name__}:BAD"]) == 1
    assert "reads_the_order: shape_rewards on usual depends on the order of samples" in capsys.readouterr().out


def test_a_reader_that_leaves_early_sees_no_traceback() -> None:
    shell = f"{sys.executable} -m tricks | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
