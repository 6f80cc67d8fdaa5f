"""What a shell completes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from liteppo.program import main

ROOT = Path(__file__).parents[2]


def asked(line: str) -> dict[str, str]:
    """The variables by which bash asks for the words at the end of a line."""
    return {"_LITEPPO_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("liteppo sw", {"sweep"}),
        ("liteppo sweep norm_", {"norm_ablation"}),
        ("liteppo plan smoke --profile cpu", {"cpu_engines"}),
        ("liteppo run preset=lite", {"preset=liteppo"}),
        ("liteppo tricks apply --preset dapo_s", {"dapo_static"}),
        ("liteppo tricks check clip_h", {"clip_higher"}),
        ("liteppo eval --bench math", {"math500"}),
        ("liteppo sweep --twi", {"--twins"}),
    ],
)
def test_names_are_completed(
    line: str, offered: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in asked(line).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert not ended.value.code
    said = capsys.readouterr()
    assert (set(said.out.split()), said.err) == (offered, "")


def test_a_shell_is_answered_by_a_process() -> None:
    code = "import sys; from liteppo.program import main; sys.exit(main([]))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **asked("liteppo tricks check clip_h")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["clip_higher"], "")


def test_the_script_of_a_shell_is_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "liteppo", "--show-completion", "bash"],
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "_LITEPPO_COMPLETE=complete_bash" in done.stdout
